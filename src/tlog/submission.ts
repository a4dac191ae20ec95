import type { Hash } from "./merkle.ts";

/*
 * The body of add-checkpoint (c2sp.org/tlog-witness): `old <size>`, a consistency proof, an empty
 * line, a checkpoint.
 */

/** The length of the longest consistency proof. */
const PROOF_LINES_MAX = 63;
const SIZE = /^old (0|[1-9][0-9]{0,15})$/;
const HASH = /^[A-Za-z0-9+/]{43}=$/;

/** A checkpoint for a witness to cosign, and the proof that it continues the last one. */
export interface Submission {
  /** The size of the last checkpoint that the witness cosigned, as far as the sender knows. */
  readonly oldSize: number;
  readonly proof: readonly Hash[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** Formats a submission. */
export function formatSubmission({ oldSize, proof, checkpoint }: Submission): string {
  return [`old ${oldSize}`, ...proof.map((hash) => hash.toString("base64")), "", checkpoint].join("\n");
}

/** Parses a submission. Returns undefined if it is malformed. */
export function parseSubmission(text: string): Submission | undefined {
  const split = text.indexOf("\n\n");
  if (split < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, split).split("\n");
  const oldSize = Number(SIZE.exec(first)?.[1] ?? Number.NaN);
  const isProof = lines.length <= PROOF_LINES_MAX && lines.every((line) => HASH.test(line));
  if (!Number.isSafeInteger(oldSize) || !isProof) return undefined;
  return { oldSize, proof: lines.map((line) => Buffer.from(line, "base64")), checkpoint: text.slice(split + 2) };
}
