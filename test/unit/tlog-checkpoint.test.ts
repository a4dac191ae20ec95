import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { formatProof, type Proof, parseProof } from "../../src/tlog/proof.ts";

/*
 * The examples of c2sp.org/tlog-checkpoint and of c2sp.org/tlog-proof, which abbreviates its
 * signatures with dots.
 */

const TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const NOTE = `${TEXT}
— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`;
const PROOF = `c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=

${NOTE}`;

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe("checkpoints", () => {
  test("the checkpoint of the specification is parsed and formatted", () => {
    const checkpoint: Checkpoint = {
      origin: "example.com/behind-the-sofa",
      size: 20_852_163,
      root: Buffer.from("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "base64"),
    };
    expect(parseCheckpoint(TEXT)).toEqual(checkpoint);
    expect(formatCheckpoint(checkpoint)).toBe(TEXT);
    expect(parseCheckpoint(`${TEXT}more\nand more\n`)).toEqual({ ...checkpoint, extensions: ["more", "and more"] });
  });

  test("a formatted checkpoint is parsed to the same value", () => {
    const origins = fc.stringMatching(/^[a-z0-9./-]+$/).filter((origin) => origin !== "");
    const lines = fc.array(fc.stringMatching(/^[!-~]+$/), { maxLength: 3 });
    fc.assert(
      fc.property(origins, fc.maxSafeNat(), hashes, lines, (origin, size, root, extensions) => {
        const checkpoint = { origin, size, root, ...(extensions.length > 0 && { extensions }) };
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
      }),
    );
  });

  test.each([
    ["no origin", TEXT.replace("example.com/behind-the-sofa", "")],
    ["a leading zero", TEXT.replace("20852163", "020852163")],
    ["a sign", TEXT.replace("20852163", "+20852163")],
    ["a negative size", TEXT.replace("20852163", "-1")],
    ["an exponent", TEXT.replace("20852163", "2e7")],
    ["a space", TEXT.replace("20852163", "20852163 ")],
    ["no size", TEXT.replace("20852163", "")],
    ["a size that is no safe integer", TEXT.replace("20852163", "9007199254740992")],
    ["a root of 31 bytes", TEXT.replace(/\n[^\n]+=\n$/, `\n${Buffer.alloc(31).toString("base64")}\n`)],
    ["base64 with loose bits", TEXT.replace("q2I=", "q2J=")],
    ["base64 without padding", TEXT.replace("q2I=", "q2I")],
    ["no last line end", TEXT.slice(0, -1)],
    ["two lines", "example.com\n1\n"],
    ["an empty line at the end", `${TEXT}\n`],
    ["an empty extension", `${TEXT}\nmore\n`],
    ["an extension without end", `${TEXT}more`],
  ])("a checkpoint with %s is refused", (_, text) => expect(parseCheckpoint(text)).toBeUndefined());

  test("a checkpoint that would be refused is not formatted", () => {
    const root = Buffer.alloc(32);
    expect(() => formatCheckpoint({ origin: "", size: 1, root })).toThrow(RangeError);
    expect(() => formatCheckpoint({ origin: "a\nb", size: 1, root })).toThrow(RangeError);
    expect(() => formatCheckpoint({ origin: "a", size: 1.5, root })).toThrow(RangeError);
    expect(() => formatCheckpoint({ origin: "a", size: 1, root: root.subarray(1) })).toThrow(RangeError);
  });
});

describe("proofs", () => {
  test("the proof of the specification is parsed and formatted", () => {
    const proof = parseProof(PROOF);
    expect(proof).toMatchObject({ index: 73_894, checkpoint: NOTE });
    expect(proof?.hashes.map((hash) => hash.length)).toEqual([32, 32]);
    expect(Buffer.from(proof?.extra ?? []).toString()).toBe("age-v1.2.1-darwin-arm64.tar.gz");
    expect(proof && formatProof(proof)).toBe(PROOF);
  });

  test("a formatted proof is parsed to the same value", () => {
    const proofs: fc.Arbitrary<Proof> = fc.record(
      {
        index: fc.maxSafeNat(),
        hashes: fc.array(hashes, { maxLength: 53 }),
        checkpoint: fc.constant(NOTE),
        extra: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      },
      { requiredKeys: ["index", "hashes", "checkpoint"] },
    );
    fc.assert(fc.property(proofs, (proof) => expect(parseProof(formatProof(proof))).toEqual({ ...proof })));
  });

  const hashLine = "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n";
  test.each([
    ["another version", PROOF.replace("@v1", "@v2")],
    ["no index", PROOF.replace("index 73894\n", "")],
    ["a leading zero", PROOF.replace("73894", "073894")],
    ["the extra after the index", PROOF.replace(/(extra .*\n)(index .*\n)/, "$2$1")],
    ["two extras", PROOF.replace(/(extra .*\n)/, "$1$1")],
    ["extra without space", PROOF.replace("extra ", "extra")],
    ["extra that is no base64", PROOF.replace("extra ", "extra !")],
    ["a short hash", PROOF.replace(hashLine, `${Buffer.alloc(31).toString("base64")}\n`)],
    ["a hash with loose bits", PROOF.replace("XmA=", "XmB=")],
    ["too many hashes", PROOF.replace(hashLine, hashLine.repeat(53))],
    ["two empty lines", PROOF.replace(`\n\n${TEXT}`, `\n\n\n${TEXT}`)],
    ["no empty line", PROOF.replace(`\n\n${TEXT}`, `\n${TEXT}`)],
    ["no signatures", PROOF.slice(0, PROOF.indexOf("\n— "))],
    ["a text that is no checkpoint", PROOF.replace("20852163", "many")],
    ["CR LF", PROOF.replaceAll("\n", "\r\n")],
    ["nothing", ""],
  ])("a proof with %s is refused", (_, text) => expect(parseProof(text)).toBeUndefined());
});
