import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes the parts of a file that holds what a user saw, durably and by a rename, so that a crash
 * leaves the old file or the new one.
 */
export async function replaceFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const written = join(directory, `.${randomUUID()}`);
  try {
    const file = await open(written, "wx");
    try {
      for (const part of parts) await file.appendFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(written, path);
  } finally {
    await rm(written, { force: true });
  }
}

/** Writes a value as JSON, like `replaceFile`. */
export function replaceJson(path: string, value: object): Promise<void> {
  return replaceFile(path, [Buffer.from(`${JSON.stringify(value)}\n`)]);
}
