import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";

const KEPT_CHARS = 4_000;

/**
 * Signals a process and its children, which for Postgres are all its processes. A process group
 * would not do: each child of Postgres has its own session. The parent comes first, so that a
 * frozen one forks no more.
 */
export function signalFamily(pid: number | undefined, signal: "SIGSTOP" | "SIGCONT"): void {
  if (pid === undefined) return;
  if (process.platform !== "linux") throw new Error("Freezing a family of processes needs Linux's /proc.");
  process.kill(pid, signal);
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, signal);
    } catch {
      // It ended in the meantime.
    }
  }
}

/** The children of a process, including those that ended and whose parent has not noticed yet. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // The second field is the program's name in parentheses and may hold anything. The parent's id
    // is the second one after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return Number(fields?.[1]);
  } catch {
    return undefined;
  }
}

/**
 * Lets a watchdog, which waits for the end of its input, do its work now, and waits until it has
 * ended.
 */
export function dismiss(watchdog: ChildProcess): Promise<void> {
  return new Promise((done) => {
    watchdog.once("exit", () => done());
    watchdog.stdin?.end();
  });
}

/** Lets this process end while the pipe of a child is open. */
export function unrefPipe(pipe: Readable | Writable | null): void {
  (pipe as Socket | null)?.unref?.();
}

/**
 * Reads a child's standard error to its end, and returns a function that gives the last part of it.
 */
export function stderrEndOf(child: ChildProcess): () => string {
  let end = "";
  child.stderr?.on("data", (text: Buffer) => {
    end = (end + text.toString()).slice(-KEPT_CHARS);
  });
  unrefPipe(child.stderr);
  return () => end;
}
