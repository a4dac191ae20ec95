import { expect, test } from "bun:test";
import { join } from "node:path";
import { goMissing, runProgram } from "../support/go-program.ts";

/* The Go module under clients/go: its parsers with made-up input, and its tests with Go's race detector. */

const MODULE = join(import.meta.dir, "../../clients/go");
const TIMEOUT_MS = 300_000;

const missing = await goMissing(MODULE);
if (missing !== undefined) console.log(`Not tested: clients/go. ${missing}`);

test.skipIf(missing !== undefined).each(["FuzzParseKey", "FuzzParseProof", "FuzzParseLeaf", "FuzzConfiguration"])(
  "%s finds no input that breaks a parser of the Go module",
  async (target) => {
    const command = ["go", "test", "-run=^$", `-fuzz=^${target}$`, "-fuzztime=10s", "-parallel=2", "."];
    const { status, output } = await runProgram(command, MODULE);
    expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
  },
  TIMEOUT_MS,
);

test.skipIf(missing !== undefined || Bun.which("gcc") === null)(
  "the tests of the Go module pass with the race detector",
  async () => {
    const { status, output } = await runProgram(["go", "test", "-race", "-count=1", "."], MODULE, { CGO_ENABLED: "1" });
    expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
  },
  TIMEOUT_MS,
);
