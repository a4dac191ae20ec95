import { expect, test } from "bun:test";
import { Failure } from "../../src/errors.ts";
import type { Arrival } from "../../src/packages/insert-versions.ts";
import { UpdateQueue } from "../../src/packages/update-queue.ts";

type RecordDeps = Parameters<UpdateQueue["record"]>[0];

/** A database whose transactions never come to their work, and fail when a test says so. */
function slowDatabase() {
  const begun: PromiseWithResolvers<never>[] = [];
  const write = () => {
    const transaction = Promise.withResolvers<never>();
    begun.push(transaction);
    return transaction.promise;
  };
  // Nothing else is reached.
  const deps = { db: { write } } as object as RecordDeps;
  return { deps, begun };
}

const arrival = {} as object as Arrival;
const codeOf = (cause: unknown) => (cause instanceof Failure ? cause.error.code : cause);

test("more than a thousand updates do not wait, the next is told to come again", async () => {
  const { deps, begun } = slowDatabase();
  const queue = new UpdateQueue();
  const waiting = Array.from({ length: 1_000 }, () => queue.record(deps, arrival));
  expect(await queue.record(deps, arrival).catch(codeOf)).toBe("busy");
  begun[0]?.reject(new Error("no database here"));
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
});
