import { expect, test } from "bun:test";
import { lastBackup, noteBackup } from "../../src/blobs/last-backup.ts";
import { openMemoryStore } from "../../src/blobs/memory-store.ts";

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
