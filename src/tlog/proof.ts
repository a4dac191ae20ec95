import { parseCheckpoint } from "./checkpoint.ts";
import { decodeBase64, parseDecimal } from "./encoding.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";
import { parseNote } from "./note.ts";

/* Proofs of c2sp.org/tlog-proof, which show offline that a leaf is in a log. */

const HEADER = "c2sp.org/tlog-proof@v1";
/** The length of the longest path in a tree of 2^53 leaves. */
const HASHES_MAX = 53;

/** A proof that a leaf is in a log. */
export interface Proof {
  readonly index: number;
  /** From the leaf's sibling to the root's child. */
  readonly hashes: readonly Hash[];
  /** The signed note. */
  readonly checkpoint: string;
  /** Bytes that the proof itself does not cover. Absent if there are none. */
  readonly extra?: Uint8Array;
}

/** Formats a proof. The checkpoint is copied unchanged. */
export function formatProof({ index, hashes, checkpoint, extra }: Proof): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${Buffer.from(extra).toString("base64")}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString("base64")),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/**
 * Parses a proof. Returns undefined if it is malformed. `verifyNote` and `verifyInclusion` check
 * whether it is valid.
 */
export function parseProof(text: string): Proof | undefined {
  const split = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, Math.max(0, split)).split("\n");
  const extra = lines[0]?.startsWith("extra ") ? decodeBase64(lines.shift()?.slice("extra ".length) ?? "") : null;
  const indexLine = lines.shift() ?? "";
  const index = indexLine.startsWith("index ") ? parseDecimal(indexLine.slice("index ".length)) : undefined;
  const hashes = lines.map(decodeBase64).filter((hash) => hash?.length === HASH_BYTES);
  if (header !== HEADER || extra === undefined || index === undefined) return undefined;
  if (hashes.length !== lines.length || hashes.length > HASHES_MAX) return undefined;
  const checkpoint = text.slice(split + 2);
  if (parseCheckpoint(parseNote(checkpoint)?.text ?? "") === undefined) return undefined;
  return { index, hashes: hashes.filter((hash) => hash !== undefined), checkpoint, ...(extra !== null && { extra }) };
}
