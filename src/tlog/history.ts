import { decodeBase64, parseDecimal } from "./encoding.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";

/*
 * What the `extra` of a version's proof carries (docs/log-format.md): the version's own leaf, then
 * the leaves that say who may sign the package, each with its inclusion proof in the same tree.
 */

/** One leaf of the log, and the proof that the tree has it at this index. */
export interface ProvedLeaf {
  readonly index: number;
  readonly leaf: Uint8Array;
  /** From the leaf's sibling to the root's child. */
  readonly hashes: readonly Hash[];
}

/** A version's leaf; `history` is undefined when the proof does not carry it. */
export interface ProofExtra {
  readonly leaf: Uint8Array;
  readonly history: readonly ProvedLeaf[] | undefined;
}

const HEADER = "cpm.history/v1";
/** A package has few keys; this bounds what a reader does for a foreign file. */
const ENTRIES_MAX = 10_000;

/** Writes the `extra` of a proof. An empty history says that the version is the package's first. */
export function formatExtra({ leaf, history }: ProofExtra): Uint8Array {
  if (history === undefined) return leaf;
  const entries = history.map((entry) =>
    [
      `leaf ${Buffer.from(entry.leaf).toString("base64")}`,
      `index ${entry.index}`,
      ...entry.hashes.map((hash) => hash.toString("base64")),
    ].join("\n"),
  );
  return Buffer.concat([leaf, Buffer.from(`\n${[HEADER, ...entries].join("\n\n")}\n`)]);
}

/**
 * Reads the `extra` of a proof; `undefined` when its form is wrong. Nothing in it is proved yet.
 */
export function parseExtra(extra: Uint8Array): ProofExtra | undefined {
  const text = Buffer.from(extra).toString("utf8");
  const split = text.indexOf("\n\n");
  if (split < 0) return { leaf: extra, history: undefined };
  const [header, ...sections] = text.slice(split + 2).split("\n\n");
  const leaf = Buffer.from(text.slice(0, split + 1));
  if (header === `${HEADER}\n` && sections.length === 0) return { leaf, history: [] };
  const last = sections.pop();
  if (header !== HEADER || sections.length >= ENTRIES_MAX || !last?.endsWith("\n")) return undefined;
  const history = [...sections, last.slice(0, -1)].map(parseEntry);
  const whole = history.filter((entry) => entry !== undefined);
  return whole.length === history.length ? { leaf, history: whole } : undefined;
}

function parseEntry(section: string): ProvedLeaf | undefined {
  const [leafLine = "", indexLine = "", ...lines] = section.split("\n");
  const leaf = leafLine.startsWith("leaf ") ? decodeBase64(leafLine.slice("leaf ".length)) : undefined;
  const index = indexLine.startsWith("index ") ? parseDecimal(indexLine.slice("index ".length)) : undefined;
  const hashes = lines.map(decodeBase64).filter((hash) => hash?.length === HASH_BYTES);
  if (leaf === undefined || index === undefined || hashes.length !== lines.length) return undefined;
  return { index, leaf, hashes: hashes.filter((hash) => hash !== undefined) };
}
