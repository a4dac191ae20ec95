import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { cosign, formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../../src/tlog/merkle.ts";
import {
  COSIGNATURE,
  formatSignerKey,
  formatVerifierKey,
  type KeyType,
  parseNote,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  signatureLine,
  signNote,
  type VerifierKey,
  verifierOf,
  verifyNote,
} from "../../src/tlog/note.ts";

/*
 * The key and the note of the documentation of Go's sumdb/note, and the example of
 * c2sp.org/signed-note.
 */

const VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
const SALVATORE = `Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
`;

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("could not be read");
  return value;
}

function signer(name: string, seed = 1, type?: KeyType): SignerKey {
  return must(parseSignerKey(formatSignerKey(name, Buffer.alloc(32, seed), type)));
}

const log = signer("registry.example/log");
const other = signer("other.example/log", 2);
const witness = signer("witness.example/w1", 3, COSIGNATURE);
const checkpoint = formatCheckpoint({ origin: log.name, size: 0, root: EMPTY_ROOT });
const namesOf = (signed: readonly VerifierKey[] | undefined) => signed?.map(({ name }) => name);

describe("keys", () => {
  test("the keys of Go's documentation are parsed", () => {
    const key = must(parseSignerKey(SKEY));
    expect(formatVerifierKey(verifierOf(key))).toBe(VKEY);
    expect(parseVerifierKey(VKEY)).toEqual(verifierOf(key));
    expect(signNote(TEXT, key)).toBe(NOTE);
    expect(verifyNote(NOTE, [verifierOf(key)])).toEqual({ text: TEXT, signed: [verifierOf(key)] });
  });

  test("formatted keys of both types are parsed to the same value, under different hashes", () => {
    const types: KeyType[] = [1, 4];
    const keys = types.map((type) => signer("a.example/ø", 7, type));
    for (const key of keys) expect(parseVerifierKey(formatVerifierKey(key))).toEqual(verifierOf(key));
    expect(keys.map(({ type }) => type)).toEqual(types);
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(2);
  });

  test.each([
    VKEY.replace("c74f20a3", "c74f20a4"),
    VKEY.replace("c74f20a3", "C74F20A3"),
    VKEY.replace("Peter", "peter"),
    VKEY.replace("PeterNeumann", "Peter Neumann"),
    VKEY.replace("PeterNeumann", ""),
    VKEY.replace("+ARpc", "+AhpC"),
    VKEY.replace("10TW", "10TX"),
    VKEY.slice(0, -1),
    `${VKEY}=`,
    `${VKEY}\n`,
    ` ${VKEY}`,
    "PeterNeumann+c74f20a3",
    SKEY,
    "",
  ])("%p is no verifier key", (text) => expect(parseVerifierKey(text)).toBeUndefined());

  test("a signer key is not parsed from a verifier key, nor with a wrong hash", () => {
    expect(parseSignerKey(VKEY)).toBeUndefined();
    expect(parseSignerKey(`PRIVATE+KEY+${VKEY}`)).toBeUndefined();
    expect(parseSignerKey(SKEY.replace("c74f20a3", "c74f20a4"))).toBeUndefined();
    expect(() => formatSignerKey("a b", Buffer.alloc(32))).toThrow(RangeError);
    expect(() => formatSignerKey("a", Buffer.alloc(31))).toThrow(RangeError);
  });

  test("a printed signer key does not show its secret", () => {
    const seed = Buffer.from("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173", "hex");
    const key = must(parseSignerKey(SKEY));
    expect(formatSignerKey("PeterNeumann", seed)).toBe(SKEY);
    for (const printed of [inspect(key, { depth: 9, showHidden: true }), Bun.inspect(key), JSON.stringify(key)]) {
      expect(printed).toContain("PeterNeumann");
      expect(printed.replace(/\s/g, "")).not.toMatch(/810a1402|gQoUAtUUbI|AYEKFALV|129,10,20,2,|810a1402/i);
    }
  });
});

describe("notes", () => {
  test("a note is split at its last empty line", () => {
    const { text, signatures } = must(parseNote(SALVATORE));
    expect(text).toEndWith("\n\ned è subito sera.\n");
    expect(signatures.map(({ name, keyId, signature }) => [name, keyId, signature.length])).toEqual([
      ["quasimodo.example/salvatore", "367ba04b", 64],
    ]);
    expect(parseNote(Buffer.from(SALVATORE))).toEqual(parseNote(SALVATORE));
  });

  const line = signatureLine("text\n", log);
  const well = `text\n\n${line}`;

  test.each([
    ["no empty line", `text\n${line}`],
    ["no signature", "text\n\n"],
    ["no text", `\n${line}`],
    ["no last line end", well.slice(0, -1)],
    ["something after it", `${well}more\n`],
    ["an empty line after it", `${well}\n`],
    ["a carriage return", well.replaceAll("\n", "\r\n")],
    ["a tab", `te\txt\n\n${line}`],
    ["a NUL", `te\0xt\n\n${line}`],
    ["a hyphen for the dash", well.replace("—", "-")],
    ["two spaces", well.replace("— ", "—  ")],
    ["a space at the end", well.replace(/\n$/, " \n")],
    ["a plus in the name", well.replace("registry.", "registry+")],
    ["a space of Unicode in the name", well.replace("registry.", "registry\u2003")],
    ["base64 without padding", well.replace(/=+\n$/, "\n")],
    ["base64 of the URL alphabet", well.replace(/ \S+\n$/, " -__-AAAA\n")],
    ["a signature of no bytes", well.replace(/ \S+\n$/, " AAAAAA==\n")],
    ["a lone surrogate", `te\ud800xt\n\n${line}`],
    ["too many signatures", well + line.repeat(100)],
    ["too many bytes", `${"é".repeat(32 * 1024)}\n\n${line}`],
  ])("a note with %s is refused", (_, note) => expect(parseNote(note)).toBeUndefined());

  test("a note may have 100 signatures and 64 KiB", () => {
    expect(parseNote(well + line.repeat(99))?.signatures).toHaveLength(100);
    const rest = Buffer.byteLength(`\n\n${line}`);
    expect(parseNote(`${"a".repeat(64 * 1024 - rest)}\n\n${line}`)).toBeDefined();
    expect(parseNote(`${"a".repeat(64 * 1024 - rest + 1)}\n\n${line}`)).toBeUndefined();
  });

  test("a note is UTF-8, and a byte order mark is part of the signed text", () => {
    expect(parseNote(Buffer.concat([Buffer.of(0xff), Buffer.from(well)]))).toBeUndefined();
    expect(parseNote(Buffer.concat([Buffer.of(0xc0, 0x80), Buffer.from(well)]))).toBeUndefined();
    const marked = Buffer.from(`\ufeff${well}`);
    expect(parseNote(marked)?.text).toBe("\ufefftext\n");
    expect(verifyNote(marked, [log])).toBeUndefined();
    expect(verifyNote(Buffer.from(well), [log])?.text).toBe("text\n");
  });

  test("a text that no note can have is not signed", () => {
    for (const text of ["text", "", "a\tb\n", "\ud800\n"]) expect(() => signNote(text, log)).toThrow(RangeError);
    expect(() => signNote(checkpoint, witness)).toThrow("signs cosignatures only");
    expect(() => cosign(checkpoint, log, new Date(0))).toThrow("does not sign cosignatures");
  });
});

describe("verifying", () => {
  const note = signNote(checkpoint, log);

  test("verifying a note returns each known key that signed once, and ignores unknown keys", () => {
    const both = note + signatureLine(checkpoint, other) + signatureLine(checkpoint, log);
    expect(namesOf(verifyNote(both, [log])?.signed)).toEqual([log.name]);
    expect(namesOf(verifyNote(both, [other, log])?.signed)).toEqual([log.name, other.name]);
    expect(verifyNote(note, [other])).toBeUndefined();
    expect(verifyNote(note, [])).toBeUndefined();
  });

  test("a wrong signature of a known key refuses the whole note", () => {
    const wrong = note + signatureLine("other\n", other);
    expect(namesOf(verifyNote(wrong, [log])?.signed)).toEqual([log.name]);
    expect(verifyNote(wrong, [log, other])).toBeUndefined();
    expect(verifyNote(note + signatureLine("other\n", log), [log])).toBeUndefined();
  });

  test("a signature belongs to a key only if both name and hash match", () => {
    const sameName = signer(log.name, 9);
    expect(verifyNote(note, [sameName])).toBeUndefined();
    expect(namesOf(verifyNote(note + signatureLine("other\n", sameName), [log])?.signed)).toEqual([log.name]);
    // Another key under the trusted name and hash does not verify the signature.
    const posing = { ...sameName, keyId: log.keyId };
    expect(verifyNote(`${checkpoint}\n${signatureLine(checkpoint, posing)}`, [log])).toBeUndefined();
  });

  test("a note with any changed character is refused", () => {
    const signed = note + cosign(checkpoint, witness, new Date(1_679_315_147_999));
    const line = note.length;
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.constantFrom(..."aZ9+/= \n—"), (at, character) => {
        fc.pre(signed[at] !== character);
        const changed = signed.slice(0, at) + character + signed.slice(at + 1);
        const verified = verifyNote(changed, [log, witness]);
        // A changed name or hash makes the signature one of an unknown key. The other signature
        // still counts.
        if (verified !== undefined) expect(namesOf(verified.signed)).toEqual([at < line ? witness.name : log.name]);
        if (at < checkpoint.length) expect(verified).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe("cosignatures", () => {
  const line = cosign(checkpoint, witness, new Date(1_679_315_147_999));
  const note = signNote(checkpoint, log) + line;
  const bytes = Buffer.from(line.trim().split(" ")[2] ?? "", "base64");

  test("a cosignature signs the time in seconds and the checkpoint", () => {
    const named = createHash("sha256").update(`${witness.name}\n\x04`).update(witness.publicKey).digest("hex");
    expect(bytes.toString("hex", 0, 4)).toBe(named.slice(0, 8));
    expect(bytes.readBigUInt64BE(4)).toBe(1_679_315_147n);
    expect(bytes).toHaveLength(4 + 8 + 64);
    // The same seed as a plain key signs the message of the specification to the same 64 bytes.
    const plain = signatureLine(`cosignature/v1\ntime 1679315147\n${checkpoint}`, signer("x", 3));
    expect(bytes.subarray(12)).toEqual(Buffer.from(plain.trim().split(" ")[2] ?? "", "base64").subarray(4));
  });

  test("a cosignature is verified by the type of the key", () => {
    expect(namesOf(verifyNote(note, [log, witness])?.signed)).toEqual([log.name, witness.name]);
    const plain = signer(witness.name, 3);
    expect(namesOf(verifyNote(note, [log, plain])?.signed)).toEqual([log.name]);
    expect(verifyNote(note, [log, { ...plain, keyId: witness.keyId }])).toBeUndefined();
  });

  test("a cosignature of another time, or a truncated one, refuses the note", () => {
    const withBytes = (changed: Buffer) =>
      verifyNote(`${signNote(checkpoint, log)}— ${witness.name} ${changed.toString("base64")}\n`, [log, witness]);
    expect(withBytes(bytes)).toBeDefined();
    const later = Buffer.from(bytes);
    later[11] = (later[11] ?? 0) + 1;
    for (const changed of [later, bytes.subarray(0, 75), bytes.subarray(0, 10)]) {
      expect(withBytes(changed)).toBeUndefined();
    }
  });

  test("a text that is no checkpoint is not cosigned", () => {
    expect(() => cosign("text\n", witness, new Date(0))).toThrow("only checkpoints");
  });
});
