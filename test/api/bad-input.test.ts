import { beforeAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { concat, makeArchive, makePackage, type PackageDraft, type RawEntry } from "../support/archive-maker.ts";
import {
  type Client,
  expectProblem,
  makeKey,
  newAccount,
  type PublishFields,
  type SigningKey,
  sha256,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";

const KEY = makeKey();
const MIB = 1024 * 1024;
const MANIFEST = "apiVersion: v1\nname: bad\nversion: 1.0.0\ndescription: x\n";
const GOOD = makePackage({ name: "bad", version: "1.0.0" });

/** Returns the fields of a correctly signed publish of these bytes. */
function signed(archive: Uint8Array, more: PublishFields = {}, key: SigningKey = KEY): PublishFields {
  const signature = signMessage(key, statementOf("bad", "1.0.0", archive));
  return { archive, signature, publicKey: key.publicHex, ...more };
}

const withManifest = (manifest: string | Uint8Array) => makeArchive({ "colony.yaml": manifest });
const withFields = (fields: string) => withManifest(MANIFEST + fields);
const withEntries = (...entries: RawEntry[]) => makeArchive([{ name: "colony.yaml", content: MANIFEST }, ...entries]);
const named = (draft: Partial<PackageDraft>) => makePackage({ name: "bad", version: "1.0.0", ...draft });

/** The same signature with S + L in place of S: libraries that reduce first accept it. */
function malleated(signature: string): string {
  const bytes = Buffer.from(signature, "base64");
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`) + order;
  const tail = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([bytes.subarray(0, 32), tail]).toString("base64");
}

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  return bytes.toString("base64");
}

const RIGHT = signed(GOOD);
const SIGNATURE = String(RIGHT.signature);
/** Base64 with a bit set that decoders drop: another spelling of the same 32 bytes. */
const LOOSE_KEY = Buffer.from(KEY.publicHex, "hex")
  .toString("base64")
  .replace(/.=$/, (end) => {
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return `${digits[digits.indexOf(end[0] ?? "") + 1]}=`;
  });

const INCOMPLETE: Record<string, [path: string, fields: PublishFields]> = {
  "no archive": ["/archive", { signature: SIGNATURE, publicKey: KEY.publicHex }],
  "no signature": ["/signature", { archive: GOOD, publicKey: KEY.publicHex }],
  "an empty signature": ["/signature", { ...RIGHT, signature: "" }],
  "no key in form or manifest": ["/publicKey", { archive: GOOD, signature: SIGNATURE }],
  "an unknown scheme": ["/signatureScheme", { ...RIGHT, signatureScheme: "rsa" }],
  "a scheme with NUL": ["/signatureScheme", { ...RIGHT, signatureScheme: "cpm-v1\0" }],
  "another version than the manifest's": ["/version", { ...RIGHT, version: "1.0.1" }],
  "another name than the manifest's": ["/name", { ...RIGHT, name: "good" }],
};

const zero = (bytes: number, first = 0) => Buffer.from([first, ...new Uint8Array(bytes - 1)]).toString("hex");
const BAD_SIGNATURES: Record<string, PublishFields> = {
  "a key of 31 bytes": { ...RIGHT, publicKey: KEY.publicHex.slice(2) },
  "a key of 33 bytes": { ...RIGHT, publicKey: `${KEY.publicHex}00` },
  "a key with upper-case hex": { ...RIGHT, publicKey: `ABCDEF${KEY.publicHex.slice(6)}` },
  "a key that is loose base64": { ...RIGHT, publicKey: LOOSE_KEY },
  "a key with blanks": { ...RIGHT, publicKey: KEY.publicHex.replace(/^../, "$& ") },
  "a key with NUL": { ...RIGHT, publicKey: "\0" },
  "a key that is no text": { ...RIGHT, publicKey: "🔑" },
  "a key that is not canonical": { ...RIGHT, publicKey: `${"ff".repeat(31)}7f` },
  "a key of small order, zero": { ...RIGHT, publicKey: zero(32) },
  "a key of small order, one": { ...RIGHT, publicKey: zero(32, 1), signature: zero(32, 1) + zero(32) },
  "a PEM key": { ...RIGHT, publicKey: "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----" },
  "a tampered archive": { ...RIGHT, archive: named({ readme: "tampered" }) },
  "a tampered signature": { ...RIGHT, signature: flipped(SIGNATURE) },
  "a malleated signature": { ...RIGHT, signature: malleated(SIGNATURE) },
  "a signature of zeros": { ...RIGHT, signature: zero(64) },
  "a signature of 63 bytes": { ...RIGHT, signature: Buffer.from(SIGNATURE, "base64").subarray(1).toString("base64") },
  "a signature that is no base64": { ...RIGHT, signature: "@@@@" },
  "a signature by another key": { ...signed(GOOD, {}, makeKey()), publicKey: KEY.publicHex },
  "a signature for another name": { ...RIGHT, signature: signMessage(KEY, statementOf("good", "1.0.0", GOOD)) },
  "a signature for another version": { ...RIGHT, signature: signMessage(KEY, statementOf("bad", "1.0.1", GOOD)) },
  "a statement without last line end": {
    ...RIGHT,
    signature: signMessage(KEY, statementOf("bad", "1.0.0", GOOD).trim()),
  },
  "a statement with CRLF": {
    ...RIGHT,
    signature: signMessage(KEY, statementOf("bad", "1.0.0", GOOD).replaceAll("\n", "\r\n")),
  },
  "an upper-case digest signed": { ...RIGHT, signature: signMessage(KEY, sha256(GOOD).toUpperCase()) },
  "another scheme than the one named": { ...RIGHT, signatureScheme: "ed25519-archive" },
};

const REJECTED: Record<string, () => Uint8Array> = {
  "an empty file": () => new Uint8Array(),
  "a text": () => Buffer.from("not an archive"),
  "a zip": () => Buffer.from("PK\x03\x04".padEnd(200, "\0")),
  "a tar without gzip": () => Bun.gunzipSync(new Uint8Array(GOOD)),
  "gzip of text": () => gzipSync("x".repeat(2_000)),
  "gzip of nothing": () => gzipSync(""),
  "gzip in gzip": () => gzipSync(GOOD),
  "two gzip members": () => concat([GOOD, makeArchive({ x: "y" })]),
  "bytes after the end": () => concat([GOOD, Buffer.from("x")]),
  "half a gzip header": () => GOOD.slice(0, 5),
  "a truncated archive": () => GOOD.slice(0, GOOD.length / 2),
  "a missing checksum": () => GOOD.slice(0, -8),
  "a wrong checksum": () => GOOD.map((byte, at) => (at === GOOD.length - 8 ? byte ^ 1 : byte)),
  "a bomb": () => makeArchive([{ name: "zeros", content: new Uint8Array(130 * MIB) }], { level: 1 }),
  "too many entries": () => withEntries(...Array.from({ length: 10_001 }, (_, at) => ({ name: `f${at}` }))),
  "no manifest": () => makeArchive({ "README.md": "x" }),
  "a manifest in a directory": () => makeArchive({ "package/colony.yaml": MANIFEST }),
  "a misspelled manifest": () => makeArchive({ "Colony.yaml": MANIFEST }),
  "two manifests": () => withEntries({ name: "colony.yaml", content: MANIFEST }),
  "two spellings of manifest": () => withEntries({ name: "./colony.yaml", content: MANIFEST }),
  "a manifest that is a link": () => makeArchive([{ name: "colony.yaml", type: "2", linkName: "/etc/passwd" }]),
  "an endless manifest": () => withFields(`x: "${"y".repeat(300 * 1024)}"`),
};

const BAD_NAMES = ["../x", "a/../../x", "/etc/x", "C:/x", "..\\x", "a\\..\\..\\x", "\\\\host\\x", "..", "a/..", "a//b"];
const ODD_NAMES = ["con", "a/NUL.txt", "a\nb", "a:b", "a*", "a.", "a ", "cafe\u0301", `${"d/".repeat(20)}x`, "\u0001"];
for (const name of [...BAD_NAMES, ...ODD_NAMES]) {
  REJECTED[`an entry ${JSON.stringify(name)}`] = () => withEntries({ name, content: "x" });
}
for (const type of "123467LKSgV")
  REJECTED[`an entry of type ${type}`] = () => withEntries({ name: "x", type, linkName: "y" });
const TWINS = [
  ["a", "a"],
  ["README.md", "readme.md"],
  ["ß/É", "ß/é"],
  ["a", "a/b"],
  ["a", "./a"],
  ["a/b", "a\\b"],
];
for (const [one = "", two = ""] of TWINS) {
  REJECTED[`entries ${one} and ${two}`] = () => withEntries({ name: one, content: "1" }, { name: two, content: "2" });
}

const NAMES = [
  "",
  "UPPER",
  "a--b",
  "-a",
  "a-",
  ".a",
  "a/b",
  "..",
  "a b",
  "ünï",
  "a".repeat(65),
  "con",
  "a\0b",
  "a\nb",
  "%41",
];
const VERSIONS = [
  "",
  "1",
  "1.0",
  "v1.0.0",
  "01.0.0",
  "1.0.0-01",
  "1.0.0-",
  "1.0.0+",
  "latest",
  "1.0.0 x",
  "^1.0.0",
  "1.0.0\0",
];
for (const name of NAMES) REJECTED[`the name ${JSON.stringify(name).slice(0, 20)}`] = () => named({ name });
for (const version of [...VERSIONS, `1.0.0-${"x".repeat(60)}`, "1.0.99999999999999999999"]) {
  REJECTED[`the version ${JSON.stringify(version).slice(0, 20)}`] = () => named({ version });
}

const YAML: Record<string, string | Uint8Array> = {
  "an empty manifest": "",
  "a manifest that is a list": "- name: bad\n",
  "a manifest that is a word": "bad",
  "no name": "version: 1.0.0\n",
  "no version": "name: bad\n",
  "an open bracket": `${MANIFEST}tags: [a\n`,
  "a tab for a blank": `${MANIFEST}maintainers:\n\t- name: x\n`,
  "a key twice": `${MANIFEST}name: other\n`,
  "two documents": `${MANIFEST}---\n${MANIFEST}`,
  "an alias": `${MANIFEST}a: &x 1\nb: *x\n`,
  "a tag that does not fit": `${MANIFEST}license: !!int MIT\n`,
  "a merge key without a map": `${MANIFEST}<<: b\n`,
  "deep nesting": `${MANIFEST}a: ${"[".repeat(5_000)}${"]".repeat(5_000)}\n`,
  "no UTF-8": concat([Buffer.from(MANIFEST), Buffer.from("a: \xff\n", "latin1")]),
  "UTF-16": Buffer.from(MANIFEST, "utf16le"),
  "a NUL": `${MANIFEST}a: "x\0"\n`,
  "a name that is a map": "name: { a: b }\nversion: 1.0.0\n",
  "tags that are a word": `${MANIFEST}tags: one\n`,
  "maintainers that are words": `${MANIFEST}maintainers: [Ada]\n`,
};
for (const [what, text] of Object.entries(YAML)) REJECTED[`a manifest with ${what}`] = () => withManifest(text);

/**
 * Where a manifest may hold any text. Postgres stores neither of the two, so neither may get as far
 * as the database.
 */
const PLACES: readonly ((text: string) => string)[] = [
  (text) => `tags: ["${text}"]`,
  (text) => `maintainers: [{ name: "${text}" }]`,
  (text) => `dependencies: [{ name: mir, version: "${text}" }]`,
  (text) => `conditions: { architecture: "${text}" }`,
  (text) => `inputs: [{ key: a, default: "${text}" }]`,
  (text) => `inputs: [{ key: a, description: "${text}", options: ["${text}"] }]`,
  (text) => `license: "${text}"`,
  (text) => `homepage: "https://x.org/${text}"`,
];
const UNSTORABLE = ["a\\0b", "a\\x00", "a\\u0000b", "\\ud800", "x\\udc00y", "\\U0000d800"];
for (const text of UNSTORABLE) {
  REJECTED[`a description "${text}"`] = () => withManifest(MANIFEST.replace(": x", `: "${text}"`));
  for (const place of PLACES) REJECTED[place(text)] = () => withFields(place(text));
}

onBothDatabases("bad input to publish", (registry) => {
  let client: Client;
  beforeAll(async () => {
    client = await newAccount(registry());
  });
  const refused = async (fields: PublishFields, status: number, code: string) => {
    const before = await tracesOf(registry());
    const answer = await client.publishFields(fields);
    expectProblem(answer, status, code);
    expect(answer.body.errors).toBeDefined();
    expect(await tracesOf(registry())).toEqual(before);
    return answer.body.errors as { path: string; code?: string; message: string }[];
  };

  test.each(Object.entries(INCOMPLETE))("%s is 422, names the field and leaves nothing", async (_, [path, fields]) => {
    const errors = await refused(fields, 422, "validation_failed");
    expect(errors.map((fault) => fault.path)).toEqual([path]);
  });

  test("an empty form is 422 and names every missing field", async () => {
    const errors = await refused({ note: "x" } as PublishFields, 422, "validation_failed");
    expect(errors.map(({ path }) => path).sort()).toEqual(["/archive", "/signature"]);
  });

  test.each(Object.entries(BAD_SIGNATURES))("%s is 400 signature_invalid and leaves nothing", async (_, fields) => {
    await refused(fields, 400, "signature_invalid");
  });

  test.each(Object.entries(REJECTED))("%s is 422 archive_rejected and leaves nothing", async (_, make) => {
    const errors = await refused(signed(make()), 422, "archive_rejected");
    for (const { code, message } of errors) {
      expect(code).toMatch(/^[a-z_0-9]+$/);
      // Hostile text must not reach a terminal as it is.
      expect(message).not.toMatch(/\p{Cc}/u);
    }
  });

  test("an archive with many faults is 422 and names all of them", async () => {
    const archive = makeArchive([
      { name: "colony.yaml", content: "name: UPPER\nversion: 1.0\ntags: one\n" },
      { name: "../x", content: "x" },
      { name: "link", type: "2", linkName: "y" },
      { name: "README.md", content: "1" },
      { name: "readme.MD", content: "2" },
    ]);
    const codes = (await refused(signed(archive), 422, "archive_rejected")).map(({ code }) => code);
    const expected = ["manifest_name_invalid", "manifest_version_invalid", "name_traversal", "entry_type_forbidden"];
    for (const code of [...expected, "name_case_conflict"]) expect(codes).toContain(code);
  });

  test("text that cannot be stored in an unknown field is refused or ignored, the same on both databases", async () => {
    for (const text of UNSTORABLE) {
      for (const field of [`future: "${text}"`, `"${text}": future`, `future: { "${text}": ["${text}"] }`]) {
        const archive = withFields(field);
        const answer = await client.publishFields({ ...signed(archive), name: "bad" }, "?dryRun=true");
        expect([field, [200, 422].includes(answer.status)]).toEqual([field, true]);
      }
    }
    const archive = withManifest(`${MANIFEST.replace("name: bad", "name: future-field")}future: "a\\0b"\n`);
    expect([201, 422]).toContain((await client.publish("future-field", "1.0.0", archive, KEY)).status);
  });

  const TEXTS: Record<string, Uint8Array> = {
    nul: Buffer.from("before\0after"),
    "bad-utf8": Buffer.from("caf\xe9", "latin1"),
    surrogate: Buffer.from("eda080", "hex"),
    utf16: Buffer.from("\ufeffhello", "utf16le"),
    binary: Buffer.from(GOOD),
  };
  test.each(Object.entries(TEXTS))(
    "README and values of %s publish; reading them is 404 or clean text",
    async (what, bytes) => {
      const name = `texts-${what}`;
      const archive = makePackage({ name, version: "1.0.0", files: { "README.md": bytes, "values.yaml": bytes } });
      expect((await client.publish(name, "1.0.0", archive, KEY)).status).toBe(201);
      for (const part of ["readme", "values"]) {
        const answer = await client.get(`/api/packages/${name}/1.0.0/${part}`);
        if (answer.status !== 200) expectProblem(answer, 404, "contents_not_found");
        else expect(answer.text).not.toMatch(/\0|\ud800/);
      }
      expect((await client.get(`/api/packages/${name}/1.0.0/files`)).body.items).toHaveLength(4);
      const response = await fetch(`${registry().url}/api/packages/${name}/1.0.0/download`);
      expect(sha256(await response.bytes())).toBe(sha256(archive));
    },
  );

  test("a valid package is published after all invalid ones were refused", async () => {
    expect((await client.publishFields(RIGHT)).status).toBe(201);
  });
});
