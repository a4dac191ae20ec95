import { randomUUID } from "node:crypto";
import { cp, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { clientFault } from "./client-fault.ts";

/**
 * Moves a verified file or tree to its name, so that whoever looks sees nothing or all of it. On
 * another file system it is copied beside its name first.
 */
export async function putInPlace(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || cause.code !== "EXDEV") throw cause;
    const beside = join(dirname(to), `.${basename(to)}.${randomUUID()}`);
    try {
      await cp(from, beside, { recursive: true });
      await rename(beside, to);
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
    await rm(from, { recursive: true, force: true });
  }
}

/** Refuses a directory that has something in it. */
export async function requireFreeDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.isDirectory() && (await readdir(path)).length === 0)) return;
  throw clientFault("failed", "client_exists", `${path} exists and is not empty. Name another directory.`);
}
