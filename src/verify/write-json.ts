import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Writes what a user saw, durably and by a rename, so that a crash leaves the old file or the new one. */
export async function writeJson(path: string, value: object): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const written = join(directory, `.${randomUUID()}`);
  try {
    await writeFile(written, `${JSON.stringify(value)}\n`, { flag: "wx", flush: true });
    await rename(written, path);
  } finally {
    await rm(written, { force: true });
  }
}
