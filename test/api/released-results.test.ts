import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { onBothDatabases } from "../support/registry.ts";

const READS = 600;
const RESULT_BYTES = 100_000;
const KEPT_MAX_BYTES = (READS * RESULT_BYTES) / 4;

/** The bytes that JavaScript holds after a collection of garbage. */
function heldBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

onBothDatabases("the results of reads", (registry) => {
  test("results of reads are released once their callers have them", async () => {
    const { db } = registry().deps;
    const select = db.kind === "sqlite" ? "SELECT hex(zeroblob(?))" : "SELECT repeat('00', $1::int)";
    const read = () => db.read(({ valuesOnce }) => valuesOnce(select, [RESULT_BYTES / 2]));
    const [row] = await read();
    expect(String(row?.[0])).toHaveLength(RESULT_BYTES);
    const before = heldBytes();
    for (let done = 0; done < READS; done += 1) await read();
    expect(heldBytes() - before).toBeLessThan(KEPT_MAX_BYTES);
  });
});
