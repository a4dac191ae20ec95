import { parseCheckpoint } from "./checkpoint.ts";
import { decodeBase64, parseDecimal } from "./encoding.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";
import { parseNote } from "./note.ts";

/* Proofs of c2sp.org/tlog-proof: all that is needed to check without network that a leaf is in a log. */

const HEADER = "c2sp.org/tlog-proof@v1";
/** A tree of 2^53 leaves has no longer path. */
const HASHES_MAX = 53;

export interface Proof {
  readonly index: number;
  /** From the leaf's sibling to the root's child. */
  readonly hashes: readonly Hash[];
  /** The signed note. */
  readonly checkpoint: string;
  /** Bytes that nothing vouches for; absent where there are none. */
  readonly extra?: Uint8Array;
}

/** Writes a proof, the checkpoint as it is. */
export function formatProof({ index, hashes, checkpoint, extra }: Proof): string {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${Buffer.from(extra).toString("base64")}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString("base64")),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** Reads a proof; `undefined` when its form is wrong. Whether it holds is for `verifyNote` and `verifyInclusion`. */
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
