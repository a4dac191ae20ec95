import { expect, test } from "bun:test";
import { PackageChanges } from "../../src/db/invalidations.ts";
import { parseDigest } from "../../src/domain/digest.ts";

import { createKnownDownloads, type Download } from "../../src/packages/known-downloads.ts";

const digest = parseDigest("0".repeat(64));
if (digest === undefined) throw new Error("no digest");
const ARCHIVE: Download = {
  name: "a",
  version: "1.0.0",
  digest,
  size: 1,
  counted: { name: "a", versionId: 1, packageId: 1 },
};

function counting() {
  let loads = 0;
  const load = async () => {
    loads += 1;
    return ARCHIVE;
  };
  return { load, loads: () => loads };
}

test("a version is loaded once in a second, and again after it", async () => {
  const changes = new PackageChanges();
  const known = createKnownDownloads(changes);
  const { load, loads } = counting();
  for (let n = 0; n < 10; n += 1) expect(await known.find("a", "1.0.0", load)).toBe(ARCHIVE);
  expect(loads()).toBe(1);
  await Bun.sleep(1_010);
  await known.find("a", "1.0.0", load);
  expect(loads()).toBe(2);
});

test("forgetting a package means all its versions and no other package", async () => {
  const changes = new PackageChanges();
  const known = createKnownDownloads(changes);
  const { load, loads } = counting();
  const names = ["a", "a-b", "ab", "b"];
  for (const name of names) for (const version of ["1.0.0", "2.0.0"]) await known.find(name, version, load);
  changes.tell(["a"]);
  for (const name of names) for (const version of ["1.0.0", "2.0.0"]) await known.find(name, version, load);
  expect(loads()).toBe(8 + 2);
});

test("what was being loaded when its package was forgotten is not remembered, and neither is a failure", async () => {
  const changes = new PackageChanges();
  const known = createKnownDownloads(changes);
  const { load, loads } = counting();
  const slow = Promise.withResolvers<Download>();
  const loading = known.find("a", "1.0.0", () => slow.promise);
  changes.tell(["a"]);
  slow.resolve(ARCHIVE);
  await loading;
  await known.find("a", "1.0.0", load);
  expect(loads()).toBe(1);
  const failing = () => Promise.reject(new Error("held back"));
  for (const _ of ["once", "twice"]) await expect(known.find("b", "1.0.0", failing)).rejects.toThrow("held back");
  await known.find("b", "1.0.0", load);
  expect(loads()).toBe(2);
});
