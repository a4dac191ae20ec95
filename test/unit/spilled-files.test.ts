import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpilledFiles } from "../../src/blobs/spilled-files.ts";
import { failure } from "../../src/errors.ts";
import { ByteBudget } from "../../src/runtime/byte-budget.ts";
import { waitUntil } from "../support/wait-until.ts";

const home = mkdtempSync(join(tmpdir(), "cpm-spilled-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const fetchTo = (name: string) => async () => {
  const path = join(home, name);
  writeFileSync(path, "bytes");
  return path;
};
const never = () => new Promise<void>(() => undefined);

test("a byte budget admits takers in order of arrival, and refuses those who wait too long as busy", async () => {
  const budget = new ByteBudget({ maxBytes: 10, waitingMax: 2, waitMaxMs: 30 });
  const give = await budget.take(8);
  const admitted: string[] = [];
  const large = budget.take(9).then(() => admitted.push("large"));
  const small = budget.take(1).then(() => admitted.push("small"));
  await expect(budget.take(1)).rejects.toMatchObject({ error: { code: "busy" } });
  give();
  give();
  await Promise.all([large, small]);
  expect([admitted, budget.takenBytes]).toEqual([["large", "small"], 10]);
  await expect(budget.take(1)).rejects.toMatchObject({ error: { code: "busy" } });
});

test("a taker larger than the whole byte budget is admitted alone", async () => {
  const budget = new ByteBudget({ maxBytes: 10, waitingMax: 2, waitMaxMs: 1_000 });
  const give = await budget.take(1_000);
  const next = budget.take(1);
  give();
  (await next)();
  expect(budget.takenBytes).toBe(0);
});

test("a spilled file is shared by its readers and removed when the last of them has it", async () => {
  const files = new SpilledFiles(100);
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const paths = await Promise.all(ends.map(({ promise }) => files.open("a", 60, () => promise, fetchTo("shared"))));
  expect(new Set(paths).size).toBe(1);
  const other = files.open("b", 60, never, fetchTo("other"));
  ends[0]?.resolve();
  await Bun.sleep(0);
  expect(existsSync(paths[0] ?? "")).toBe(true);
  ends[1]?.resolve();
  await other;
  await waitUntil(() => !existsSync(paths[0] ?? ""), "the file is removed");
  await files.close();
});

test("a reader for whom there is no room in time gets busy, and a failed download gives its room back", async () => {
  const files = new SpilledFiles(100, 20);
  await files.open("a", 60, never, fetchTo("a"));
  await expect(files.open("b", 60, never, fetchTo("b"))).rejects.toMatchObject({ error: { code: "busy" } });
  const fails = () => Promise.reject(failure({ code: "storage_failed" }));
  await expect(files.open("c", 40, never, fails)).rejects.toMatchObject({ error: { code: "storage_failed" } });
  expect(await files.open("d", 40, never, fetchTo("d"))).toBe(join(home, "d"));
  await files.close();
});

test("a full disk is busy while other readers hold files, and full without them", async () => {
  const full = () => Promise.reject(failure({ code: "storage_full" }));
  const files = new SpilledFiles(100);
  await expect(files.open("a", 10, never, full)).rejects.toMatchObject({ error: { code: "storage_full" } });
  await files.open("b", 10, never, fetchTo("b"));
  await expect(files.open("c", 10, never, full)).rejects.toMatchObject({ error: { code: "busy" } });
  await files.close();
});
