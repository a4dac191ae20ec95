import { expect, test } from "bun:test";
import { LastBackup, lastBackup, noteBackup } from "../../src/blobs/last-backup.ts";
import { openMemoryStore } from "../../src/blobs/memory-store.ts";
import { failure } from "../../src/errors.ts";

test("the time of the last backup is what was noted last, and undefined before and for other texts", async () => {
  const blobs = openMemoryStore("", () => new Date());
  expect(await lastBackup(blobs)).toBeUndefined();
  for (const at of [new Date(1_000), new Date(2_500)]) {
    await noteBackup(blobs, at);
    expect(await lastBackup(blobs)).toEqual(at);
  }
  await blobs.putSidecar("log/last-backup", "yesterday");
  expect(await lastBackup(blobs)).toBeUndefined();
});

test("metrics ask the storage once for many scrapes, and show 0 without a backup or an answer", async () => {
  let asked = 0;
  const noted = new LastBackup({
    readSidecar: async () => {
      asked += 1;
      return "1970-01-01T00:00:02.500Z\n";
    },
  });
  expect([await noted.seconds(), await noted.seconds(), asked]).toEqual([2.5, 2.5, 1]);
  expect(await new LastBackup({ readSidecar: async () => undefined }).seconds()).toBe(0);
  const failing = { readSidecar: () => Promise.reject(failure({ code: "storage_timeout" })) };
  expect(await new LastBackup(failing).seconds()).toBe(0);
});
