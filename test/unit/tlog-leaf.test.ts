import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SIGNATURE_SCHEMES } from "../../src/signing/statement.ts";
import type { KeyEntry } from "../../src/tlog/key-leaf.ts";
import { keyLeaf, parseLeaf, statusLeaf, type VersionEntry, versionLeaf, yankLeaf } from "../../src/tlog/leaf.ts";

const HEX = "00".repeat(31);
const SIGNATURE = Buffer.alloc(64, 5).toString("base64");
const ENTRY: VersionEntry = {
  name: "my-pkg",
  version: "1.0.0-rc.1+build.5",
  sha256: `${HEX}ab`,
  size: 10_240,
  publicKey: `${HEX}cd`,
  scheme: "cpm-v1",
  signature: SIGNATURE,
  publishedAt: new Date("2026-11-25T12:00:59.999Z"),
};
const VERSION_TEXT = `cpm.version/v1 my-pkg 1.0.0-rc.1+build.5
sha256 ${HEX}ab
size 10240
signer ed25519 ${HEX}cd
signature cpm-v1 ${SIGNATURE}
published 2026-11-25T12:00:59Z
`;
const KEY_ENTRY: KeyEntry = {
  name: "my-pkg",
  seq: 7,
  action: "remove",
  publicKey: `${HEX}ef`,
  by: "ana",
  previous: `${HEX}ab`,
  at: new Date("2026-11-29T12:00:00Z"),
  removal: { reason: "compromised", since: "1.0.0" },
  signatures: [SIGNATURE],
};
const KEY_TEXT = `cpm.key/v2 my-pkg 7 remove ${HEX}ef
by ana
previous ${HEX}ab
at 2026-11-29T12:00:00Z
reason compromised
since 1.0.0
signatures ${SIGNATURE}
`;
const YANK_TEXT = "cpm.yank/v1 my-pkg 1.0.0 2 unyank\nby ana\n";

describe("leaves of the log", () => {
  test("leaves are formatted as in the design", () => {
    expect(versionLeaf(ENTRY)).toBe(VERSION_TEXT);
    expect(yankLeaf({ name: "my-pkg", version: "1.0.0", seq: 2, action: "unyank", by: "ana" })).toBe(YANK_TEXT);
  });

  test("leaves are parsed by their kind", () => {
    const publishedAt = new Date("2026-11-25T12:00:59Z");
    expect(parseLeaf(VERSION_TEXT)).toEqual({ kind: "version", ...ENTRY, publishedAt });
    expect(parseLeaf(YANK_TEXT)).toEqual({
      kind: "yank",
      name: "my-pkg",
      version: "1.0.0",
      seq: 2,
      action: "unyank",
      by: "ana",
    });
  });

  test("a formatted key leaf is parsed to the same value", () => {
    expect(keyLeaf(KEY_ENTRY)).toBe(KEY_TEXT);
    expect(parseLeaf(KEY_TEXT)).toEqual({ kind: "key", ...KEY_ENTRY });
    const { removal: _, ...cancel } = { ...KEY_ENTRY, action: "cancel", by: null, signatures: [] } as const;
    expect(parseLeaf(keyLeaf(cancel))).toEqual({ kind: "key", ...cancel });
  });

  test("a formatted status leaf is parsed to the same value", () => {
    const entry = { name: "my-pkg", version: "*", seq: 1, action: "quarantine", reason: "malware" } as const;
    expect(statusLeaf(entry)).toBe("cpm.status/v1 my-pkg * 1 quarantine\nreason malware\n");
    expect(parseLeaf(statusLeaf(entry))).toEqual({ kind: "status", ...entry });
  });

  test("a formatted version leaf is parsed to the same value, even the longest one", () => {
    const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
    const entries: fc.Arbitrary<VersionEntry> = fc.record({
      name: fc.constantFrom("a", "a".repeat(64)),
      version: fc.constantFrom("0.0.0", `1.0.0-${"x".repeat(58)}`),
      sha256: hex,
      size: fc.maxSafeNat(),
      publicKey: hex,
      scheme: fc.constantFrom(...SIGNATURE_SCHEMES),
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString("base64")),
      publishedAt: fc.integer({ min: 0, max: 4_102_444_800 }).map((seconds) => new Date(seconds * 1000)),
    });
    fc.assert(
      fc.property(entries, (entry) => {
        const text = versionLeaf(entry);
        expect(Buffer.byteLength(text)).toBeLessThan(500);
        expect(parseLeaf(text)).toEqual({ kind: "version", ...entry });
      }),
    );
  });

  test.each([
    ["another kind", VERSION_TEXT.replace("cpm.version", "cpm.release")],
    ["another version of the form", VERSION_TEXT.replace("/v1", "/v2")],
    ["two spaces", VERSION_TEXT.replace("my-pkg ", "my-pkg  ")],
    ["no last line end", VERSION_TEXT.slice(0, -1)],
    ["a line more", `${VERSION_TEXT}more\n`],
    ["CR LF", VERSION_TEXT.replaceAll("\n", "\r\n")],
    ["upper-case hex", VERSION_TEXT.replace(`${HEX}ab`, `${HEX}AB`)],
    ["a short digest", VERSION_TEXT.replace(`${HEX}ab`, HEX)],
    ["a leading zero", VERSION_TEXT.replace("10240", "010240")],
    ["a size that is no safe integer", VERSION_TEXT.replace("10240", "9007199254740993")],
    ["an unknown scheme", VERSION_TEXT.replace("cpm-v1", "cpm-v9")],
    ["a short signature", VERSION_TEXT.replace(SIGNATURE, Buffer.alloc(63).toString("base64"))],
    ["a signature of the URL alphabet", VERSION_TEXT.replace(SIGNATURE, SIGNATURE.replaceAll("=", ""))],
    ["milliseconds", VERSION_TEXT.replace("59Z", "59.000Z")],
    ["a time without zone", VERSION_TEXT.replace("59Z", "59")],
    ["another zone", VERSION_TEXT.replace("59Z", "59+00:00")],
    ["a day that is none", VERSION_TEXT.replace("11-25", "02-30")],
    ["letters beyond ASCII", VERSION_TEXT.replace("my-pkg", "mü-pkg")],
    ["more than 1,024 bytes", VERSION_TEXT.replace("my-pkg", "a".repeat(800))],
    ["an unknown action", YANK_TEXT.replace("unyank", "delete")],
    ["no user", YANK_TEXT.replace("by ana", "by ")],
    ["a key's action that is none", KEY_TEXT.replace("remove", "put")],
    ["a removal without a reason", KEY_TEXT.replace(/reason .*\nsince .*\n/, "")],
    ["a reason that is none", KEY_TEXT.replace("compromised", "lost")],
    ["an added key with a reason", KEY_TEXT.replace("7 remove", "7 add")],
    ["three signatures", KEY_TEXT.replace(SIGNATURE, `${SIGNATURE} ${SIGNATURE} ${SIGNATURE}`)],
    ["a signature of a key change that is no base64", KEY_TEXT.replace(SIGNATURE, "AB")],
    ["a status that is none", "cpm.status/v1 my-pkg * 1 hide\nreason malware\n"],
    ["nothing", ""],
  ])("a leaf with %s is refused", (_, text) => expect(parseLeaf(text)).toBeUndefined());

  test("a leaf that would be refused is not formatted", () => {
    expect(() => versionLeaf({ ...ENTRY, name: "a b" })).toThrow(RangeError);
    expect(() => versionLeaf({ ...ENTRY, version: "1.0.0\nsize 1" })).toThrow(RangeError);
    expect(() => versionLeaf({ ...ENTRY, sha256: "00" })).toThrow(RangeError);
    expect(() => versionLeaf({ ...ENTRY, size: -1 })).toThrow(RangeError);
    expect(() => yankLeaf({ name: "a", version: "1.0.0", seq: 1, action: "yank", by: "a\nb" })).toThrow(RangeError);
    expect(() => yankLeaf({ name: "a", version: "1.0.0", seq: 1.5, action: "yank", by: "ana" })).toThrow(RangeError);
  });
});
