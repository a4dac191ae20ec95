import { describe, expect, test } from "bun:test";
import { randomFrom } from "../support/random.ts";
import { ARCHIVE_SCANNERS } from "./linear/archive-scanners.ts";
import { slownessOf } from "./linear/growth.ts";
import { LOG_SCANNERS } from "./linear/log-scanners.ts";
import { type Pump, pumpFrom } from "./linear/pumps.ts";
import { REQUEST_SCANNERS } from "./linear/request-scanners.ts";
import { ofText } from "./linear/scanners.ts";

/*
 * Fuzzes the time per byte of everything that scans bytes from outside: it must not grow with the
 * text.
 *
 *     FUZZ_SECONDS=20 FUZZ_SEED=123 FUZZ_SCANNER=note npm run test:fuzz -- linear-time
 *
 * Run i depends on seed + i alone, so a printed seed repeats its run.
 */

const isLong = process.env.TEST_LONG === "1";
const seconds = Number(process.env.FUZZ_SECONDS ?? (isLong ? 120 : 2));
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
/** Quadratic time shows early, and short texts leave time for more of them. */
const LONGEST_BYTES = isLong ? 1024 * 1024 : 16_384;

const ALL = [...ARCHIVE_SCANNERS, ...REQUEST_SCANNERS, ...LOG_SCANNERS];
const scanners = ALL.filter(({ name }) => name === (process.env.FUZZ_SCANNER ?? name));

/** Scans one random text. Returns what is wrong, or undefined. */
async function runOnce(seed: number): Promise<string | undefined> {
  const random = randomFrom(seed);
  const scanner = scanners[random(scanners.length)];
  if (scanner === undefined) throw new Error(`No scanner has the name ${process.env.FUZZ_SCANNER}`);
  return slownessOf(scanner, pumpFrom(random, scanner.tokens), LONGEST_BYTES);
}

test(
  "the time per byte of every scanner of outside bytes does not grow with the text",
  async () => {
    const until = performance.now() + seconds * 1_000;
    let runs = 0;
    const slow: string[] = [];
    for (; performance.now() < until && slow.length < 10; runs += 1) {
      const seed = firstSeed + runs;
      const slowness = await runOnce(seed);
      if (slowness !== undefined) slow.push(`FUZZ_SEED=${seed}: ${slowness}`);
    }
    console.log(`${runs} texts for ${scanners.length} scanners, from FUZZ_SEED=${firstSeed}`);
    expect(slow).toEqual([]);
  },
  (seconds + 60) * 1_000,
);

/** What was slow once, or was suspected to be. */
const KNOWN: readonly (readonly [string, Partial<Pump> & Pick<Pump, "repeated">])[] = [
  ["secrets", { prefix: "-----BEGIN PRIVATE KEY-----", repeated: "\\", suffix: "x" }],
  ["secrets", { repeated: `-----BEGIN PRIVATE KEY-----${"\\".repeat(900)}\n` }],
  ["words", { repeated: "\u0316\u0301" }],
  ["identity", { repeated: "\u0316\u0301" }],
  ["entry name", { repeated: "\u0316\u0301" }],
  ["version in a leaf", { repeated: "+", suffix: "\n" }],
  ["colony.yaml", { prefix: "name: '", repeated: "églpat-ASIAa", suffix: "'\n" }],
  ["colony.yaml", { prefix: 'name: "', repeated: "églpat-ASIAa", suffix: '"\n' }],
  ["colony.yaml", { prefix: "name: '", repeated: "églpat-ASIAa\n " }],
  ["colony.yaml", { prefix: 'name: "', repeated: "\\q", suffix: '"\n' }],
  ["colony.yaml", { prefix: 'name: "', repeated: "\\xZZ", suffix: '"\n' }],
  ["colony.yaml", { prefix: "name: a", repeated: " ", suffix: "b\n" }],
  ["colony.yaml", { prefix: "name: ", repeated: "a ", suffix: "\n" }],
  ["colony.yaml", { prefix: "name: a", repeated: "\n", suffix: "b" }],
];

test.each(KNOWN)("%s is scanned in linear time from %j", async (name, known) => {
  const scanner = ALL.find((one) => one.name === name);
  const pump = { prefix: "", middle: "", closing: "", suffix: "", ...known };
  if (scanner === undefined) throw new Error(`No scanner has the name ${name}`);
  expect(await slownessOf(scanner, pump, 1024 * 1024)).toBeUndefined();
});

describe("the measurement finds", () => {
  const pump: Pump = { prefix: "", repeated: "a", middle: "", closing: "", suffix: "" };
  const slownessIn = (scan: (text: string) => unknown) => slownessOf(ofText("it", ["a"], scan), pump, 16_384);

  test.each([
    ["quadratic time", /a*b/],
    ["exponential time", /^(?:a|a)*b/],
  ])("%s", async (_, form) => {
    expect(await slownessIn((text) => form.test(text))).toContain("it takes");
  });

  test("nothing in linear time", async () => {
    expect(await slownessIn((text) => text.split("").join("-"))).toBeUndefined();
  });
});
