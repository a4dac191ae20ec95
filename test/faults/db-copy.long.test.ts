import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill } from "../../scripts/bench/filling.ts";
import { readNamedDatabase } from "../../src/config/named-database.ts";
import { testPostgres } from "../support/postgres.ts";
import { PROGRAM } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { Chance, seeds } from "./chance.ts";
import { rowDigests } from "./row-digests.ts";

/* `db copy` of a hundred thousand versions: killed, there, and back. */

const SIZE = { packages: 20_000, versions: 100_000 };
const KILLS = 5;
const KILLED_WITHIN_MS = 3_000;
const MEMORY_MAX_BYTES = 500e6;

interface Ended {
  readonly exitCode: number;
  readonly text: string;
  readonly memoryBytes: number;
}

/** Runs `db copy`, and kills it after so many milliseconds. */
async function copy(from: string, to: string, killAfterMs?: number): Promise<Ended> {
  const env = { PATH: process.env.PATH ?? "" };
  const command = [...PROGRAM, "db", "copy", "--from", from, "--to", to, "--json"];
  const child = Bun.spawn(command, { env, cwd: "/", stdout: "pipe", stderr: "pipe" });
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const exitCode = await child.exited;
  clearTimeout(timer);
  return { exitCode, text: output.join(""), memoryBytes: Number(child.resourceUsage()?.maxRSS ?? 0) };
}

test(`a copy of ${SIZE.versions} versions that is killed leaves an empty database, and one that ends has every row (seeds ${seeds(1)})`, async () => {
  const home = mkdtempSync(join(tmpdir(), "cpm-copy-"));
  const postgres = await testPostgres();
  const url = await postgres.createDatabase();
  const [from, back] = [join(home, "data"), join(home, "back.db")];
  try {
    await fill(from, SIZE, "none", { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY, LOG_LEVEL: "silent" });
    const chance = new Chance(seeds(1)[0] ?? 1);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const { exitCode, text } = await copy(from, url, chance.between(300, KILLED_WITHIN_MS));
      // It ends with 137, or there was nothing left to kill: then the next copy is refused.
      if (exitCode !== 137) throw new Error(`The copy ended before it was killed: ${text}`);
    }
    // Before the copies, which mark the database that they read.
    const source = await rowDigests(readNamedDatabase("--from", from));
    const there = await copy(from, url);
    expect([there.exitCode, JSON.parse(there.text)]).toMatchObject([0, SIZE]);
    expect(await rowDigests(readNamedDatabase("--from", url))).toEqual(source);
    const again = await copy(url, back);
    expect([again.exitCode, JSON.parse(again.text)]).toMatchObject([0, SIZE]);
    for (const { memoryBytes } of [there, again]) expect(memoryBytes).toBeLessThan(MEMORY_MAX_BYTES);
    expect(source.versions).toStartWith(`${SIZE.versions} `);
    expect(await rowDigests(readNamedDatabase("--from", back))).toEqual(source);
  } finally {
    await postgres.dropDatabase(url);
    rmSync(home, { recursive: true, force: true });
  }
}, 900_000);
