import { createPublicKey } from "node:crypto";
import { VerificationError } from "@sigstore/verify";
import { verifyTLogInclusion } from "@sigstore/verify/dist/tlog/index.js";

/*
 * sigstore-js verifies proofs of Rekor. Its `Verifier` accepts Rekor's own kinds of entries only,
 * so this code calls its inner step that checks any leaf: the checkpoint's signature, and inclusion
 * by RFC 6962. It has no consistency proofs. This file follows c2sp.org/tlog-proof and
 * c2sp.org/signed-note, not src/.
 */

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Describes the log for sigstore, by the hash in the verifier key and by its name. */
function authorityOf(vkey: string) {
  const [, name = "", keyId = "", encoded = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? [];
  const spki = Buffer.concat([SPKI_PREFIX, Buffer.from(encoded, "base64").subarray(1)]);
  return {
    logID: Buffer.from(keyId, "hex"),
    baseURL: name,
    publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }),
    validFor: { start: new Date(0), end: new Date(8_640_000_000_000_000) },
  };
}

/** Converts a proof to the form of Rekor's entries. */
function entryOf(proof: string, leaf: Buffer) {
  const split = proof.indexOf("\n\n");
  const lines = proof.slice(0, split).split("\n").slice(1);
  // The extra bytes, which the proof itself does not cover, may precede the index.
  const [indexLine = "", ...hashes] = lines[0]?.startsWith("extra ") ? lines.slice(1) : lines;
  const envelope = proof.slice(split + 2);
  const [, treeSize = "", rootHash = ""] = envelope.split("\n");
  const logIndex = indexLine.replace("index ", "");
  return {
    logIndex,
    logId: { keyId: Buffer.alloc(0) },
    kindVersion: { kind: "", version: "" },
    integratedTime: "0",
    inclusionPromise: undefined,
    inclusionProof: {
      logIndex,
      treeSize,
      rootHash: Buffer.from(rootHash, "base64"),
      hashes: hashes.map((hash) => Buffer.from(hash, "base64")),
      checkpoint: { envelope },
    },
    canonicalizedBody: leaf,
  };
}

/** Returns whether sigstore-js accepts a proof that a leaf is in the log of this verifier key. */
export function proves(proof: string, leaf: Buffer, vkey: string): boolean {
  try {
    verifyTLogInclusion(entryOf(proof, leaf), [authorityOf(vkey)]);
    return true;
  } catch (cause) {
    if (cause instanceof VerificationError) return false;
    throw cause;
  }
}
