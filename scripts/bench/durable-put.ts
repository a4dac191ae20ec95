import { createHash, randomFillSync } from "node:crypto";
import { mkdirSync } from "node:fs";
import { link, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { discardFile } from "../../src/blobs/incoming.ts";
import { receiveFile } from "../../src/blobs/receive.ts";
import type { BlobStore } from "../../src/blobs/store.ts";
import { type Client, newAccount } from "../../test/support/client.ts";
import { archiveOf, publishArchive } from "./archives.ts";
import { progress, ratios, report } from "./measure.ts";
import { startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 7;
const ROUND_MS = 1_000;
/** The time in which all threads start. */
const THREADS_START_MS = 200;
const WIDTHS = [1, 8] as const;
const SIZES = [
  { label: "10 KB", bytes: 10_000 },
  { label: "1 MB", bytes: 1_000_000 },
];
const PUBLISH_BYTES = 10_000;
/** The number of archives that are made before a round of publishes, more than a round needs. */
const PUBLISHES_MAX = 600;

/** Runs `one` in `width` concurrent loops and returns the completed calls per second. */
async function rate(width: number, one: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const loop = async () => {
    while (performance.now() - startedMs < ROUND_MS) {
      await one();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: width }, loop));
  return (done * 1_000) / (performance.now() - startedMs);
}

/**
 * Measures the disk with one blocking thread per caller, because `fs/promises` shares a few
 * threads.
 */
async function threadsRate(width: number, directory: string, bytes: number): Promise<number> {
  const workers = Array.from({ length: width }, () => new Worker(join(import.meta.dir, "disk-worker.ts")));
  const answers = workers.map(
    (worker) =>
      new Promise<number>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      }),
  );
  const startMs = Date.now() + THREADS_START_MS;
  for (const worker of workers) worker.postMessage({ directory, bytes, startMs, forMs: ROUND_MS });
  const rates = await Promise.all(answers);
  for (const worker of workers) worker.terminate();
  return rates.reduce((sum, one) => sum + one, 0);
}

/** Measures the disk with `fs/promises`. */
async function writeDurably(directory: string, content: Uint8Array): Promise<void> {
  const name = crypto.randomUUID();
  const path = join(directory, `new-${name}`);
  const file = await open(path, "wx");
  await file.write(content);
  await file.sync();
  await file.close();
  await link(path, join(directory, name));
  const parent = await open(directory, "r");
  await parent.sync();
  await parent.close();
  await unlink(path);
}

/**
 * Returns the better rate of blocking threads and `fs/promises`. Which one is faster depends on the
 * system.
 */
export async function diskRate(width: number, directory: string, bytes: number): Promise<number> {
  const threads = await threadsRate(width, directory, bytes);
  const content = randomFillSync(new Uint8Array(bytes));
  return Math.max(threads, await rate(width, () => writeDurably(directory, content)));
}

/**
 * Receives an upload into a file while hashing it, puts it and discards the file, as the registry
 * does.
 */
async function put(store: BlobStore, content: Uint8Array): Promise<void> {
  const chunks = async function* () {
    yield content;
  };
  const received = await receiveFile(chunks(), store.incomingDir, content.length);
  await store.put(received);
  await discardFile(received.path);
}

/** Makes the store's 256 directories, which every registry in use has. */
async function makeDirectories(store: BlobStore): Promise<void> {
  const missing = new Set(Array.from({ length: 256 }, (_, shard) => shard));
  while (missing.size > 0) {
    const content = randomFillSync(new Uint8Array(16));
    const shard = createHash("sha256").update(content).digest()[0] ?? 0;
    if (missing.delete(shard)) await put(store, content);
  }
}

/** Measures how many archives per second a store takes. */
function putRate(width: number, store: BlobStore, bytes: number): Promise<number> {
  const contents = Array.from({ length: width }, () => randomFillSync(new Uint8Array(bytes)));
  return rate(width, async () => {
    const content = contents.pop() ?? new Uint8Array(bytes);
    // Eight different bytes make a different archive.
    await put(store, randomFillSync(content, 0, 8));
    contents.push(content);
  });
}

async function comparePut(directory: string, store: BlobStore, { label, bytes }: (typeof SIZES)[number]) {
  for (const width of WIDTHS) {
    const disk: number[] = [];
    const puts: number[] = [];
    const measures = [
      async () => disk.push(await diskRate(width, directory, bytes)),
      async () => puts.push(await putRate(width, store, bytes)),
    ];
    for (let round = 1; round <= ROUNDS; round += 1) {
      progress(`durable put of ${label}, ${width} at once: round ${round} of ${ROUNDS}`);
      for (const measure of round % 2 === 0 ? measures.toReversed() : measures) await measure();
    }
    progress();
    report(`disk: write, fsync, link, fsync; ${label}, ${width}×`, disk, "/s", "");
    report(`durable put in files; ${label}, ${width}×`, puts, "/s", "");
    report(`put to disk; ${label}, ${width}×`, ratios(puts, disk), "×", "", 2);
  }
}

/** Measures whole publishes of small packages. Each client sends one after the other. */
async function publishRate(client: Client, width: number, prefix: string): Promise<number> {
  const archives = Array.from({ length: PUBLISHES_MAX }, (_, index) => {
    const name = `${prefix}-${index}`;
    return { name, archive: archiveOf(name, PUBLISH_BYTES) };
  });
  return rate(width, async () => {
    const next = archives.pop();
    if (next === undefined) throw new Error(`More than ${PUBLISHES_MAX} publishes in a round`);
    await publishArchive(client, next.name, next.archive);
  });
}

async function measurePublishes(dataDir: string): Promise<void> {
  const registry = await startBinary(dataDir, { LOG_LEVEL: "silent" });
  try {
    const client = await newAccount(registry);
    const rates = new Map<number, number[]>(WIDTHS.map((width) => [width, []]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [width, seen] of rates) {
        progress(`publishing, ${width} at once: round ${round} of ${ROUNDS}`);
        const done = await publishRate(client, width, `bench-${round}-${width}`);
        if (round > 0) seen.push(done);
      }
    }
    progress();
    for (const [width, seen] of rates) {
      report(`publishes over HTTP, SQLite; 10 KB, ${width}×`, seen, "/s", "");
    }
  } finally {
    await registry.stop();
  }
}

/** Measures durable puts in comparison with the disk alone, and whole publishes for orientation. */
export async function benchDurablePut(): Promise<void> {
  console.log(`\nThe disk is the one of ${tmpdir()}; another one: TMPDIR=… bun run bench -- download put`);
  await withDirectory(async (directory) => {
    const plain = join(directory, "plain");
    mkdirSync(plain);
    const store = await openFileStore(join(directory, "packages"));
    await makeDirectories(store);
    for (const size of SIZES) await comparePut(plain, store, size);
    await store.close();
    const dataDir = join(directory, "data");
    mkdirSync(dataDir);
    await measurePublishes(dataDir);
  });
}
