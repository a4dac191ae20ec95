import { createHash, generateKeyPairSync, randomFillSync, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { SecretScan } from "../../src/archive/secret-scan.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { chunked, goStyleArchive, manifestOf } from "../../test/support/archive-maker.ts";
import { verifyStrictly } from "../../test/support/strict.ts";
import { archiveOf, VERSION } from "./archives.ts";
import type { BombReport } from "./bomb-child.ts";
import { heading, missingRow, progress, ratios, report } from "./measure.ts";
import { withDirectory } from "./registry.ts";

const ROUNDS = 7;
const ROUND_MS = 500;
const MIB = 1_048_576;
const FIXTURE = join(import.meta.dir, "../../../shared/fixtures/test-pkg-v2-0.1.0.cpm");
const VERIFY_GOAL_US = 150;
const PACKAGE_GOAL_MS = 1;
const SCAN_GOAL_MB_S = 300;
const BOMB_GOAL_MS = 1_000;
const BOMB_GOAL_MB = 150;
/** Just over the limit of unpacked bytes. */
const BOMB_BYTES = 130 * MIB;
const SCAN_BYTES = 32 * MIB;
/** The first use of a key is measured, so each key is used once. */
const UNSEEN_KEYS = 100;

/** Returns the average duration of `one` in microseconds. */
async function microsecondsOf(one: () => unknown): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  for (; performance.now() - startedMs < ROUND_MS; done += 1) await one();
  return ((performance.now() - startedMs) * 1_000) / done;
}

interface Signed {
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function signedByNewKey(): Signed {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const message = randomFillSync(new Uint8Array(200));
  const key = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  return { key, message, signature: new Uint8Array(sign(null, message, privateKey)) };
}

function requireValid({ key, message, signature }: Signed): void {
  if (!verifyStrictly(key, message, signature)) throw new Error("A valid signature was refused");
}

function microsecondsUnseen(): number {
  const made = Array.from({ length: UNSEEN_KEYS }, signedByNewKey);
  const startedMs = performance.now();
  for (const one of made) requireValid(one);
  return ((performance.now() - startedMs) * 1_000) / UNSEEN_KEYS;
}

async function compareVerifies(): Promise<void> {
  const known = signedByNewKey();
  requireValid(known);
  const remembered: number[] = [];
  const unseen: number[] = [];
  microsecondsUnseen();
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`verifying: round ${round} of ${ROUNDS}`);
    remembered.push(await microsecondsOf(() => requireValid(known)));
    unseen.push(microsecondsUnseen());
  }
  progress();
  report("verify, remembered key", remembered, "µs", `< ${VERIFY_GOAL_US} µs`);
  report("verify, key not seen before", unseen, "µs", "");
  report("  unseen to remembered", ratios(unseen, remembered), "×", "", 1);
}

/**
 * Makes lines as in templates. With 24 random characters a line they compress to a sixth, with 8 to
 * a tenth.
 */
function text(bytes: number, randomChars = 8): Uint8Array {
  const made = Buffer.alloc(bytes, " ");
  const lineOf = (line: number) => {
    const digest = createHash("md5").update(String(line)).digest("hex").slice(0, randomChars);
    return `  { "step": ${line}, "image": "{{ .Values.image }}:${digest}", "command": ["run", "--input", "data"] },\n`;
  };
  for (let at = 0, line = 1; at < bytes; line += 1) at += made.write(lineOf(line), at, "latin1");
  return made;
}

function packageOf(name: string, files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return goStyleArchive({ "colony.yaml": manifestOf({ name, version: VERSION }), "values.yaml": "a: 1\n", ...files });
}

async function measurePackages(): Promise<void> {
  const archives: [string, Uint8Array][] = [
    ["10 KB, mostly templates", packageOf("bench", { "templates/workflow.json": text(60_000, 24) })],
    ["10 KB, incompressible", archiveOf("bench", 5_100)],
  ];
  if (existsSync(FIXTURE)) archives.push(["the fixture", new Uint8Array(readFileSync(FIXTURE))]);
  else console.log(missingRow("inspect the fixture", "it is not on this machine"));
  for (const [label, archive] of archives) {
    const inspect = () => inspectArchive(chunked(archive), DEFAULT_ARCHIVE_LIMITS);
    const took: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      progress(`inspecting ${label}: round ${round} of ${ROUNDS}`);
      const ms = (await microsecondsOf(inspect)) / 1_000;
      if (round > 0) took.push(ms);
    }
    progress();
    report(`inspect ${label}`, took, "ms", `< ${PACKAGE_GOAL_MS} ms`, 2);
  }
}

function scanMs(content: Uint8Array): number {
  const scan = new SecretScan();
  const startedMs = performance.now();
  scan.fileStart("bench", content.length);
  for (let at = 0; at < content.length; at += 65_536) scan.push(content.subarray(at, at + 65_536));
  scan.fileEnd();
  return performance.now() - startedMs;
}

function measureScans(): void {
  const contents = {
    zeros: new Uint8Array(SCAN_BYTES),
    text: text(SCAN_BYTES),
    "random bytes": randomFillSync(new Uint8Array(SCAN_BYTES)),
  };
  const measure = (content: Uint8Array) => {
    scanMs(content);
    return Array.from({ length: ROUNDS }, () => scanMs(content));
  };
  for (const [label, content] of Object.entries(contents)) {
    const rates = measure(content).map((ms) => SCAN_BYTES / 1_000 / ms);
    report(`leak guard, ${label}`, rates, "MB/s", `> ${SCAN_GOAL_MB_S} MB/s`);
  }
  const headers = Buffer.alloc(SCAN_BYTES, "-----BEGIN PRIVATE KEY-----\n");
  report("leak guard, key headers until it gives up", measure(headers), "ms", "");
}

async function refuse(path: string): Promise<BombReport> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "bomb-child.ts"), path], { stderr: "inherit" });
  const report: BombReport = JSON.parse(await new Response(child.stdout).text());
  if (report.outcome !== "unpacked_too_large") throw new Error(`The bomb's outcome is ${report.outcome}`);
  return report;
}

async function measureBomb(label: string, path: string): Promise<void> {
  const seen: BombReport[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    progress(`refusing ${label}: round ${round} of ${ROUNDS}`);
    seen.push(await refuse(path));
  }
  progress();
  const times = seen.map(({ ms }) => ms);
  const peaks = seen.map(({ peakMb }) => peakMb);
  const growths = seen.map(({ peakMb, idleMb }) => peakMb - idleMb);
  report(`refuse 130 MiB of ${label}`, times, "ms", `< ${BOMB_GOAL_MS} ms`);
  report("  peak of its process", peaks, "MB", `< ${BOMB_GOAL_MB} MB`);
  report("  over the process when idle", growths, "MB", "");
}

async function measureBombs(): Promise<void> {
  if (process.platform !== "linux") return console.log(missingRow("bombs", "only Linux tells the peak"));
  const contents = { zeros: () => new Uint8Array(BOMB_BYTES), text: () => text(BOMB_BYTES) };
  await withDirectory(async (directory) => {
    for (const [label, content] of Object.entries(contents)) {
      progress(`making the bomb of ${label}`);
      const path = join(directory, label);
      writeFileSync(path, packageOf("bomb", { "files/big": content() }));
      await measureBomb(label, path);
    }
  });
}

/**
 * Measures the cost of an upload before it is accepted: its signature, its inspection, and the
 * refusal of a bomb.
 */
export async function benchInspect(): Promise<void> {
  console.log(heading());
  await compareVerifies();
  await measurePackages();
  measureScans();
  await measureBombs();
}
