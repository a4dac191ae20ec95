import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncPath } from "../runtime/sync-path.ts";

/**
 * Writes the parts of a file that holds what a user saw, durably and by a rename, so that a crash
 * leaves the old file or the new one. Without a mode, the umask decides who may read the file.
 */
export async function replaceFile(path: string, parts: readonly Uint8Array[], mode?: number): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const written = join(directory, `.${randomUUID()}`);
  try {
    const file = await open(written, "wx", mode);
    try {
      // The umask of a command takes rights away that this file may have.
      if (mode !== undefined) await file.chmod(mode);
      for (const part of parts) await file.appendFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(written, path);
    // Windows syncs no directories.
    if (process.platform !== "win32") await syncPath(directory, "r");
  } finally {
    await rm(written, { force: true });
  }
}

/** Writes a value as JSON, like `replaceFile`. */
export function replaceJson(path: string, value: object, mode?: number): Promise<void> {
  return replaceFile(path, [Buffer.from(`${JSON.stringify(value)}\n`)], mode);
}
