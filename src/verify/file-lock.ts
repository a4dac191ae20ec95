import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Far longer than anybody holds such a lock. Whoever held it for so long was killed. */
const HELD_MAX_MS = 5_000;
const RETRY_MS = 10;

/**
 * Runs `work` while no other process holds the lock of a file: `<path>.lock` exists meanwhile. What
 * a process reads and writes back in `work` is not lost to another that does the same.
 *
 * A lock that the same process held for `heldMaxMs` was left by a killed one, and is taken over.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, heldMaxMs = HELD_MAX_MS): Promise<T> {
  const lock = `${path}.lock`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let holder: bigint | undefined;
  for (let sinceMs = performance.now(); !(await take(lock)); await Bun.sleep(RETRY_MS)) {
    const current = await holderOf(lock);
    if (current !== holder) [holder, sinceMs] = [current, performance.now()];
    else if (performance.now() - sinceMs > heldMaxMs) await rm(lock, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Takes the lock. Returns false if another process has it. */
async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx")).close();
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Returns text that identifies the holder of the lock. Undefined if the lock is free. */
async function holderOf(lock: string): Promise<bigint | undefined> {
  try {
    return (await stat(lock, { bigint: true })).ctimeNs;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}
