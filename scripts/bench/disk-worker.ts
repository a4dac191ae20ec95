/*
 * Measures the disk without the registry: writes and syncs a file, links it, and syncs the
 * directory. It is a thread of its own, because `fs/promises` shares a few threads.
 */
import { closeSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

declare const self: Worker;

interface Order {
  readonly directory: string;
  readonly bytes: number;
  /** The time at which all threads begin, as of `Date.now()`. */
  readonly startMs: number;
  readonly forMs: number;
}

function writeDurably(directory: string, content: Uint8Array): void {
  const name = crypto.randomUUID();
  const path = join(directory, `new-${name}`);
  const file = openSync(path, "wx");
  writeSync(file, content);
  fsyncSync(file);
  closeSync(file);
  linkSync(path, join(directory, name));
  const parent = openSync(directory, "r");
  fsyncSync(parent);
  closeSync(parent);
  unlinkSync(path);
}

self.onmessage = ({ data: { directory, bytes, startMs, forMs } }: MessageEvent<Order>) => {
  const content = crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536)));
  const whole = new Uint8Array(bytes).map((_, at) => content[at % content.length] ?? 0);
  Bun.sleepSync(Math.max(startMs - Date.now(), 1));
  const startedMs = performance.now();
  let done = 0;
  while (performance.now() - startedMs < forMs) {
    writeDurably(directory, whole);
    done += 1;
  }
  self.postMessage((done * 1_000) / (performance.now() - startedMs));
};
