import { expect, spyOn, test } from "bun:test";
import { Failure } from "../../src/errors.ts";
import { PublishBatcher } from "../../src/publish/batcher.ts";
import type { PendingPublication } from "../../src/publish/insert-versions.ts";

type RecordDeps = Parameters<PublishBatcher["record"]>[0];

/** A database whose transactions begin when a test lets them, and fail early. */
function slowDatabase() {
  const begun: PromiseWithResolvers<void>[] = [];
  const write = async (work: (session: object) => Promise<unknown>) => {
    const begins = Promise.withResolvers<void>();
    begun.push(begins);
    await begins.promise;
    return work({});
  };
  // The other members are never used.
  const deps = { db: { write } } as object as RecordDeps;
  return { deps, begun };
}

/** All are of one package, so no two of them share a batch. */
const inspection = { manifest: { name: "demo" }, manifestText: "", files: [] };
const pending = { publication: { inspection } } as object as PendingPublication;
const codeOf = (cause: unknown) => (cause instanceof Failure ? cause.error.code : cause);

test("the batcher refuses a publication with busy while a thousand wait", async () => {
  const { deps, begun } = slowDatabase();
  const batcher = new PublishBatcher();
  const waiting = Array.from({ length: 1_000 }, () => batcher.record(deps, pending));
  expect(await batcher.record(deps, pending).catch(codeOf)).toBe("busy");
  begun[0]?.reject(new Error("no database here"));
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
});

test("the batcher refuses a publication with busy while the waiting ones have 32 MB of text", async () => {
  const { deps, begun } = slowDatabase();
  const batcher = new PublishBatcher();
  const readme = "x".repeat(1024 * 1024);
  const large = { publication: { inspection: { ...inspection, readme } } } as object as PendingPublication;
  const waiting = Array.from({ length: 32 }, () => batcher.record(deps, large));
  expect(await batcher.record(deps, large).catch(codeOf)).toBe("busy");
  waiting.push(batcher.record(deps, pending));
  begun[0]?.reject(new Error("no database here"));
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
});

test("the batcher rejects a publication that waited for more than five seconds, and keeps later ones", async () => {
  const { deps, begun } = slowDatabase();
  const batcher = new PublishBatcher();
  const now = spyOn(performance, "now").mockReturnValue(0);
  try {
    const first = batcher.record(deps, pending);
    const early = batcher.record(deps, pending).catch(codeOf);
    now.mockReturnValue(4_000);
    let isLateTold = false;
    void batcher.record(deps, pending).finally(() => {
      isLateTold = true;
    });
    now.mockReturnValue(5_001);
    begun[0]?.resolve();
    expect([await first, await early]).toEqual([undefined, "database_unavailable"]);
    expect([begun.length, isLateTold]).toEqual([2, false]);
  } finally {
    now.mockRestore();
  }
});
