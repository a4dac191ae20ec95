import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGiven } from "../../src/cli/given-file.ts";
import { UsageError } from "../../src/cli/usage.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cpm-given-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const refusalOf = async (path: string) => {
  const cause = await readGiven(path, 1_000).then(
    () => undefined,
    (refused) => refused,
  );
  expect(cause).toBeInstanceOf(UsageError);
  return String(cause.message);
};

test("a file on the command line is read whole up to its limit", async () => {
  const path = join(directory, "good");
  await writeFile(path, "x".repeat(1_000));
  expect(String(await readGiven(path, 1_000))).toBe("x".repeat(1_000));
  expect(await refusalOf(join(directory, "none"))).toContain("cannot be read: ENOENT");
});

test("a FIFO, a device and a directory on the command line are refused without waiting", async () => {
  const fifo = join(directory, "fifo");
  expect(await Bun.spawn(["mkfifo", fifo]).exited).toBe(0);
  for (const path of [fifo, "/dev/zero", directory]) {
    expect(await refusalOf(path)).toStartWith(`${path} is not a regular file.`);
  }
});

test("a file on the command line is refused beyond its limit, also where its size is unknown", async () => {
  const path = join(directory, "large");
  await writeFile(path, "");
  await truncate(path, 1_001);
  expect(await refusalOf(path)).toBe(`${path} is larger than 1.0 kB.`);
  expect(await refusalOf("/proc/mounts")).toBe("/proc/mounts is larger than 1.0 kB.");
});
