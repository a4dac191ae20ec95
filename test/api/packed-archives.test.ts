import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { bytesOf, makeArchive, makeTar, paxEntry, type RawEntry } from "../support/archive-maker.ts";
import { expectProblem, makeKey, newAccount, sha256 } from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";

/* Archives as many packers write them, over HTTP: what is accepted is listed as readers create it. */

const LONG_NAME = `docs/${"long-folder/".repeat(8)}${"name".repeat(8)}.txt`;
const LARGE_OWNER = new Uint8Array([0x80, 0, 0, 0, 0, 0x40, 0x16, 0x40]);

function manifest(name: string): RawEntry {
  return { name: "colony.yaml", content: `name: ${name}\nversion: 1.0.0\n` };
}

/** What GNU tar, git, bsdtar, npm's tar, Perl, Python and Unix V7 write, in one archive. */
function ofManyPackers(name: string): Uint8Array {
  const owned = (header: Uint8Array) => header.set(LARGE_OWNER, 108);
  const padded = (header: Uint8Array) => header.set(bytesOf("          5\0"), 124);
  const timed = (header: Uint8Array) => header.set(bytesOf("14524770400\x0014524770400\0"), 476);
  return makeArchive([
    { ...paxEntry({ comment: "a71be4a32e66e63e68c7f380bec5e5a9bba430bd" }), type: "g" },
    { name: "/", type: "5" },
    { ...manifest(name), name: "./colony.yaml", beforeChecksum: owned },
    { name: "values.yaml", content: "a: 1\n", beforeChecksum: padded },
    { name: "templates/", type: "\0" },
    paxEntry({ "LIBARCHIVE.xattr.user.note": "aGVsbG8", "SCHILY.xattr.user.note": "hello" }),
    { name: "templates/a.json", content: "{}", beforeChecksum: timed },
    { name: "././@LongLink", type: "L", content: `${LONG_NAME}\0` },
    { name: LONG_NAME, content: "long\n" },
  ]);
}

onBothDatabases("archives of many packers", (registry) => {
  test("an archive with what seven packers write is published, and its files are listed", async () => {
    const account = await newAccount(registry());
    const archive = ofManyPackers("many-packers");
    const published = await account.publish("many-packers", "1.0.0", archive, makeKey());
    expect(published).toMatchObject({ status: 201, body: { sha256: sha256(archive), warnings: [] } });
    const { body } = await account.get("/api/packages/many-packers/1.0.0/files");
    expect(body.items.map((file: { path: string }) => file.path)).toEqual([
      "colony.yaml",
      LONG_NAME,
      "templates/a.json",
      "values.yaml",
    ]);
    const long = body.items.find((file: { path: string }) => file.path === LONG_NAME);
    expect(long).toMatchObject({ size: 5, sha256: createHash("sha256").update("long\n").digest("hex") });
  });

  test("an archive packed on Windows is published with a warning, and listed as readers create it", async () => {
    const account = await newAccount(registry());
    const archive = makeArchive([manifest("windows"), { name: "templates\\a.json", content: "{}" }]);
    const published = await account.publish("windows", "1.0.0", archive, makeKey());
    expect(published.status).toBe(201);
    const warning = published.body.warnings.find(({ code }: { code: string }) => code === "backslash_names");
    expect(warning.message).toContain("`cpm install` finds no templates");
    const { body } = await account.get("/api/packages/windows/1.0.0/files");
    expect(body.items.map((file: { path: string }) => file.path)).toEqual(["colony.yaml", "templates\\a.json"]);
    const file = await fetch(`${account.base}/api/packages/windows/1.0.0/files/templates%5Ca.json`);
    expect([file.status, await file.text()]).toEqual([200, "{}"]);
  });

  test("forty links are one problem with a count, and nothing is stored", async () => {
    const account = await newAccount(registry());
    const before = await tracesOf(registry());
    const links = Array.from({ length: 40 }, (_, index) => ({ name: `link-${index}`, type: "2", linkName: "x" }));
    const refused = await account.publish("links", "1.0.0", makeArchive([manifest("links"), ...links]), makeKey());
    expectProblem(refused, 422, "archive_rejected");
    expect(refused.body.errors).toEqual([
      {
        path: "link-0",
        code: "entry_type_forbidden",
        message:
          'entry "link-0" is a symbolic link: pack the file that it points to, with tar -h (--dereference) (and 39 more: "link-1", "link-2", "link-3", "link-4", "link-5", …)',
      },
    ]);
    expect(await tracesOf(registry())).toEqual(before);
  });

  test.each([
    ["a plain tar", makeTar([manifest("plain")]), "it is a plain tar"],
    ["a zip file", bytesOf("PK\x03\x04\x14\0\0\0"), "it is a zip file"],
    ["an HTML page", bytesOf("<!doctype html><title>404</title>"), "it is an HTML page"],
    ["a gzip inside a gzip", new Uint8Array(gzipSync(makeArchive([manifest("twice")]))), "gzip-compressed twice"],
  ])("%s is refused with a message that names it", async (_, upload, words) => {
    const account = await newAccount(registry());
    const refused = await account.publish("sent", "1.0.0", upload, makeKey());
    expectProblem(refused, 422, "archive_rejected");
    expect(refused.body.errors).toHaveLength(1);
    expect(refused.body.errors[0].message).toContain(words);
  });
});
