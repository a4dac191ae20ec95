import { expect } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * How to start the executable: the words before its arguments, its directory and its environment.
 */
export interface Place {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What it reads from standard input. Empty if left out. */
  readonly input?: string;
}

/** The output and the exit code of a command that ended by itself. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the executable to its end, with the given environment only. */
export async function runOnce(place: Place, ...args: string[]): Promise<Outcome> {
  const child = Bun.spawn([...place.command, ...args], {
    cwd: place.cwd,
    env: place.env,
    stdin: place.input === undefined ? "ignore" : new Blob([place.input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/**
 * Runs the server, passes the URL that it printed to `use`, and expects exit code 0 soon after
 * SIGTERM.
 */
export async function whileServing(place: Place, use: (url: string) => Promise<void>): Promise<void> {
  const child = Bun.spawn([...place.command, "serve"], {
    cwd: place.cwd,
    env: place.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    await use(await printedUrl(child.stdout));
    child.kill("SIGTERM");
    expect(await Promise.race([child.exited, Bun.sleep(STOP_TIMEOUT_MS).then(() => "still running")])).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

/**
 * Returns the URL in the first line that contains one. Drains the rest of the output, so that the
 * server never waits for a full pipe.
 */
async function printedUrl(stream: ReadableStream<Uint8Array>): Promise<string> {
  const found = Promise.withResolvers<string>();
  const late = setTimeout(() => found.reject(new Error("The server printed no URL in time.")), START_TIMEOUT_MS);
  const read = async () => {
    let output = "";
    for await (const chunk of stream) {
      if (output.length < 65_536) output += new TextDecoder().decode(chunk);
      const url = output.match(/ready at (http:\/\/\S+)/)?.[1];
      if (url) found.resolve(url);
    }
    found.reject(new Error(`The server ended before it printed its URL:\n${output}`));
  };
  read().catch(found.reject);
  return found.promise.finally(() => clearTimeout(late));
}

/** Creates an empty directory and removes it after `use`. */
export async function inTemporaryDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cpm-binary-"));
  try {
    chmodSync(directory, 0o755);
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Creates the directories on which the kernel's file systems are mounted in a minimal root. */
export function makeMountPoints(root: string): void {
  for (const name of ["proc", "dev"]) mkdirSync(join(root, name), { recursive: true });
}
