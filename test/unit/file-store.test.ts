import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { temporaryPath } from "../../src/blobs/incoming.ts";

const STORE = join(import.meta.dir, "../../src/blobs/file-store.ts");
const HOUR_MS = 60 * 60 * 1_000;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cpm-file-store-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test("opening a file store removes files of killed servers, and none that may be in use or belong to others", async () => {
  const incoming = join(root, "incoming");
  await mkdir(join(incoming, "upload-folder"), { recursive: true });
  const aged = async (name: string, ageMs: number) => {
    const then = new Date(Date.now() - ageMs);
    await writeFile(join(incoming, name), "x");
    await utimes(join(incoming, name), then, then);
  };
  await aged("upload-old", HOUR_MS + 60_000);
  await aged("check-old", HOUR_MS + 60_000);
  await aged("upload-young", HOUR_MS - 60_000);
  await aged("notes.txt", 10 * HOUR_MS);
  await utimes(join(incoming, "upload-folder"), 0, 0);
  await openFileStore(root);
  expect((await readdir(incoming)).sort()).toEqual(["notes.txt", "upload-folder", "upload-young"]);
});

test("opening a file store removes files of dead processes at once, and none of a frozen process or another machine", async () => {
  const incoming = join(root, "incoming");
  await mkdir(incoming, { recursive: true });
  const sleeper = Bun.spawn(["sleep", "60"]);
  try {
    sleeper.kill("SIGSTOP");
    const [, place] = /upload-([0-9a-f]{8})\./.exec(temporaryPath(incoming, "upload")) ?? [];
    const ended = Bun.spawnSync(["true"]).pid;
    const names = [`upload-${place}.${ended}-a`, `upload-${place}.${sleeper.pid}-b`, `upload-00000000.${ended}-c`];
    for (const name of names) await writeFile(join(incoming, name), "x");
    await openFileStore(root);
    expect((await readdir(incoming)).sort()).toEqual(names.slice(1).sort());
  } finally {
    sleeper.kill("SIGKILL");
  }
});

test("the check of a file store leaves no file behind", async () => {
  const store = await openFileStore(root);
  await store.check();
  expect(await readdir(store.incomingDir)).toEqual([]);
});

test.skipIf(process.platform === "win32")(
  "the check fails, and leaves nothing, where only empty files fit",
  async () => {
    await openFileStore(root);
    // A limit on the file size replaces a full disk, which only root can make.
    const opened = `(await import(${JSON.stringify(STORE)})).openFileStore(${JSON.stringify(root)})`;
    // Opening it succeeds: a registry on a full disk starts for reading.
    const script = `await (await ${opened}).check()`;
    const limited = ["sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh", process.execPath, "-e", script];
    const { exitCode, stderr } = Bun.spawnSync(limited);
    expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining("EFBIG")]);
    expect(await readdir(join(root, "incoming"))).toEqual([]);
  },
);
