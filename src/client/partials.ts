import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** A download that nobody resumed in this time is removed. */
const MAX_AGE_MS = 7 * 24 * 60 * 60_000;

/**
 * Returns the path of a file that only this process writes: `<digest>.<process>`. If an earlier
 * process left a part of the same archive, the file has that part.
 *
 * Renaming decides between processes that want the same part: one succeeds.
 */
export async function claimPartial(directory: string, sha256: string, now: Date): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const own = join(directory, `${sha256}.${process.pid}`);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (path === own || !(await isAbandoned(path, name, now))) continue;
    if (/^[0-9a-f]+\.\d+$/.test(name) && name.startsWith(sha256) && (await renamed(path, own))) break;
  }
  return own;
}

/** Old parts are removed on the way. */
async function isAbandoned(path: string, name: string, now: Date): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || isAlive(Number(name.split(".").at(-1)))) return false;
  if (found.mtimeMs >= now.getTime() - MAX_AGE_MS) return true;
  await rm(path, { recursive: true, force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    // Another user's process exists too.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM";
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    () => false,
  );
}
