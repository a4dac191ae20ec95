import { afterEach, expect, mock, spyOn, test } from "bun:test";
import { inspectArchive, inspectContents, readStructure } from "../../src/archive/inspect.ts";
import { TarWalker } from "../../src/archive/tar.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Turns } from "../../src/runtime/turns.ts";
import { chunked, makePackage } from "../support/archive-maker.ts";

afterEach(() => mock.restore());

function work(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test("a long turn lets other tasks run before it goes on", async () => {
  const turns = new Turns();
  const happened: string[] = [];
  setImmediate(() => happened.push("other"));
  work(10);
  await turns.pause();
  happened.push("work");
  expect(happened).toEqual(["other", "work"]);
});

test("a short turn costs no pause, and neither does one that has just begun", async () => {
  const turns = new Turns();
  expect(turns.pause()).toBeUndefined();
  work(10);
  await turns.pause();
  expect(turns.pause()).toBeUndefined();
});

/** What may be read of a tar between two pauses. It has 32 headers at most. */
const STEP_MAX_BYTES = 16_384;

const files = Object.fromEntries(
  Array.from({ length: 2_000 }, (_, at) => [`templates/${at}.yaml`, "a: b\n".repeat(at)]),
);
const archive = makePackage({ name: "many", version: "1.0.0", files });

async function inspectInTwo() {
  const structure = await readStructure(chunked(archive), DEFAULT_ARCHIVE_LIMITS);
  return inspectContents(structure, () => chunked(archive), DEFAULT_ARCHIVE_LIMITS);
}

test.each([
  ["at once", () => inspectArchive(chunked(archive), DEFAULT_ARCHIVE_LIMITS)],
  ["structure first", inspectInTwo],
])("a large archive that is inspected %s is read in steps of 16 KiB, with a pause after each", async (_, inspect) => {
  const pieces: number[] = [];
  let pauses = 0;
  const { push } = TarWalker.prototype;
  spyOn(TarWalker.prototype, "push").mockImplementation(function (this: TarWalker, piece: Uint8Array) {
    pieces.push(piece.length);
    push.call(this, piece);
  });
  spyOn(Turns.prototype, "pause").mockImplementation(() => {
    pauses += 1;
    expect(pauses).toBe(pieces.length);
    return undefined;
  });
  expect((await inspect()).files).toHaveLength(2_004);
  expect(Math.max(...pieces)).toBeLessThanOrEqual(STEP_MAX_BYTES);
  expect(pauses).toBe(pieces.length);
  expect(pieces.length).toBeGreaterThan(100);
});
