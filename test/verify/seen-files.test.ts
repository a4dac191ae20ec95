import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFileLock } from "../../src/verify/file-lock.ts";
import { KnownKeys, type SeenHistory } from "../../src/verify/known-keys.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";

/* What a user saw is in files that several runs of `verify` write at the same time. */

const ORIGIN = "registry.test/log";
const PARALLEL = 24;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cpm-seen-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const numbers = Array.from({ length: PARALLEL }, (_, at) => at);
const digest = (number: number) => String(number).padStart(64, "0");
const seen = (seq: number): SeenHistory => {
  return { first: digest(0), seq, last: digest(seq), seenAt: "2026-11-29T12:00:00.000Z" };
};

test("no run of verify loses what another saw of another package meanwhile", async () => {
  const path = join(directory, "packages", "known-keys.json");
  await Promise.all(numbers.map((number) => new KnownKeys(path).save(ORIGIN, `package-${number}`, seen(number))));
  for (const number of numbers) expect(await new KnownKeys(path).of(ORIGIN, `package-${number}`)).toEqual(seen(number));
  expect(await readdir(join(directory, "packages"))).toEqual(["known-keys.json"]);
});

test("a shorter history that a slower run of verify saw does not replace a longer one", async () => {
  const path = join(directory, "one.json");
  await Promise.all(numbers.map((number) => new KnownKeys(path).save(ORIGIN, "one", seen(number))));
  expect(await new KnownKeys(path).of(ORIGIN, "one")).toEqual(seen(PARALLEL - 1));
});

test("an older checkpoint that a slower run of verify saw does not replace a newer one", async () => {
  const logs = join(directory, "logs");
  const save = (size: number) => {
    const log = { vkey: "a key", checkpoint: String(size), retired: [] };
    return new SeenLogs(logs).saveLog(ORIGIN, log, (there) => Number(there.checkpoint) > size);
  };
  await Promise.all(numbers.map(save));
  expect((await new SeenLogs(logs).log(ORIGIN))?.checkpoint).toBe(String(PARALLEL - 1));
});

test("a run of verify takes over the lock of one that was killed", async () => {
  const path = join(directory, "killed");
  await writeFile(`${path}.lock`, "");
  const work = async () => existsSync(`${path}.lock`);
  expect([await withFileLock(path, work, 100), existsSync(`${path}.lock`)]).toEqual([true, false]);
});

test("a log cannot choose an origin whose file is that of a registry or of a longer origin", async () => {
  const logs = new SeenLogs(join(directory, "names"));
  const registry = "http://cpm.example.org";
  const long = "x".repeat(200);
  const hostile = { vkey: "hostile", checkpoint: "hostile", retired: [] };
  await logs.saveOrigin(registry, "cpm.example.org/log");
  await logs.saveLog(long, { ...hostile, vkey: "long" }, () => false);
  const hashed = createHash("sha256").update(long).digest("hex");
  for (const origin of [`registry-${registry}`, hashed, `%sha256-${hashed}`]) {
    await logs.saveLog(origin, hostile, () => false);
    expect(await logs.log(origin)).toEqual(hostile);
  }
  expect(await logs.originOf(registry)).toBe("cpm.example.org/log");
  expect((await logs.log(long))?.vkey).toBe("long");
});
