import { parseDigest } from "../../../src/domain/digest.ts";
import { decodeStrictly } from "../../../src/signing/encoding.ts";
import { verifyArchiveSignature } from "../../../src/signing/verify-archive.ts";
import { checkpointOfNote, parseCheckpoint } from "../../../src/tlog/checkpoint.ts";
import { decodeBase64, parseDecimal } from "../../../src/tlog/encoding.ts";
import { parseExtra } from "../../../src/tlog/history.ts";
import { LEAF_MAX_BYTES, parseLeaf } from "../../../src/tlog/leaf.ts";
import { parseNote, parseSignerKey, parseVerifierKey, verifyNote } from "../../../src/tlog/note.ts";
import { parseProof } from "../../../src/tlog/proof.ts";
import { parseSubmission } from "../../../src/tlog/submission.ts";
import { decodeBundle, parseTilePath } from "../../../src/tlog/tile.ts";
import { foldedVersion } from "../../../src/verify/folded-version.ts";
import { parsePolicy } from "../../../src/verify/policy.ts";
import { TEST_LOG_KEY } from "../../support/registry.ts";
import { ofBytes, ofText } from "./scanners.ts";

const HASH = Buffer.alloc(32, 7).toString("base64");
const HEX = "0123456789abcdef".repeat(4);
const SIGNATURE = Buffer.alloc(64, 9).toString("base64");
const signer = parseSignerKey(TEST_LOG_KEY);
const VKEY = "registry.test/log+39d8600d+AWNwbS1yZWdpc3RyeSBsb2cga2V5LCB0ZXN0cyBvbmx5";

const ENCODED = ["a", "A", "+", "/", "-", "_", "=", "==", "0f", "zz"] as const;
const NOTE = [
  "\n",
  "\n\n",
  "— ",
  "a ",
  `${HASH}\n`,
  "registry.test/log\n",
  "5\n",
  `— registry.test/log ${SIGNATURE}\n`,
  "—",
  "+",
  " ",
] as const;
const PROOF = [
  ...["c2sp.org/tlog-proof@v1\n", "extra ", "index 5\n", "index ", "old 1\n", "cpm.history/v1", "leaf ", "\n\n"],
  ...NOTE,
] as const;
const LEAF = [
  ...["cpm.version/v1 ", "cpm.yank/v1 ", "cpm.key/v2 ", "cpm.status/v1 ", "a ", "1.0.0\n", "1 ", "add ", "yank\n"],
  ...[`sha256 ${HEX}\n`, "size 1\n", `signer ed25519 ${HEX}\n`, `signature cpm-v1 ${SIGNATURE}\n`, "by a\n"],
  ...[`previous ${HEX}\n`, "at 2025-01-01T00:00:00Z\n", "reason superseded\nsince 1.0.0\n", `signatures ${SIGNATURE}`],
  ...["published 2025-01-01T00:00:00Z\n", " ", "\n", HEX, "!", "~"],
] as const;
const POLICY = [
  "log ",
  "witness ",
  "group ",
  "quorum none\n",
  "a ",
  "any ",
  "all ",
  "1 ",
  `${VKEY} `,
  "# c\n",
  "\n",
  "\t",
] as const;

/** A registry's answer is bounded by the verifier before it is read. */
const ANSWER = { maxBytes: 1024 * 1024 };

function verifySignature(text: string) {
  const signed = { name: "a", version: "1.0.0", digest: parseDigest(HEX) ?? never(), size: 1 };
  const fields = { signature: text, publicKey: text, scheme: undefined };
  return verifyArchiveSignature(fields, signed, async () => new Uint8Array());
}

function never(): never {
  throw new Error("The digest of the test is none");
}

/**
 * Signatures and keys; notes, leaves and proofs, as registry, verifier, auditor and witness read
 * them.
 */
export const LOG_SCANNERS = [
  ofText("signature or key", ENCODED, (text) => [decodeStrictly(text, 32), decodeStrictly(text, 64)]),
  ofText("signature of an archive", ENCODED, verifySignature, { maxBytes: 4_096, nsPerByteMax: 20_000 }),
  ofText("base64", ENCODED, decodeBase64),
  ofText("number", ["0", "1", "9007199254740993", "."], parseDecimal),
  ofText("key of a log", ["a", "+", "registry.test/log+", "39d8600d+", VKEY, " "], parseVerifierKey),
  ofText("note", NOTE, (text) => parseNote(text)),
  ofBytes("note as bytes", NOTE, (bytes) => verifyNote(bytes, signer === undefined ? [] : [signer])),
  ofText("checkpoint", NOTE, (text) => [parseCheckpoint(text), checkpointOfNote(text)]),
  ofText("proof", PROOF, parseProof, ANSWER),
  ofBytes("history in a proof", PROOF, parseExtra, ANSWER),
  ofText("submission to a witness", PROOF, parseSubmission, ANSWER),
  ofText("leaf", LEAF, parseLeaf, ANSWER),
  ofText(
    "version in a leaf",
    ["v", "=", "1", "+", "++a", "\n"],
    (text) => foldedVersion({ name: "a", version: text }),
    { maxBytes: LEAF_MAX_BYTES },
  ),
  ofText("path of a tile", ["tile/", "0/", "entries/", "x000/", "000", ".p/", "9", "/"], parseTilePath),
  ofBytes("bundle of leaves", ["\0\0", "\0\u0001a", "\u0001\0", "\0"], decodeBundle, ANSWER),
  ofText("policy", POLICY, parsePolicy, { maxBytes: 65_536 }),
];
