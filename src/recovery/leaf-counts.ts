import { type LeafDetails, parseDetails, type StoredLeaf } from "../log/leaf-details.ts";
import { type Leaf, parseLeaf } from "../tlog/leaf.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";

/** How many changes of each kind some leaves record. */
export interface LeafCount {
  readonly versions: number;
  readonly yanks: number;
  readonly keyChanges: number;
  /** Quarantines and releases. */
  readonly statuses: number;
  readonly takedowns: number;
  readonly logChanges: number;
}

/** A leaf and its details, parsed. */
export interface ParsedLeaf {
  readonly leaf: Leaf;
  readonly details: LeafDetails;
}

/** Which number a leaf adds to. */
function countOf(leaf: Leaf): keyof LeafCount {
  switch (leaf.kind) {
    case "version":
      return "versions";
    case "yank":
      return "yanks";
    case "key":
      return "keyChanges";
    case "status":
      return leaf.action === "remove" ? "takedowns" : "statuses";
    case "log":
      return "logChanges";
  }
}

/** Parses a stored leaf. Throws `RecoveryRefusal` for a leaf that this program does not know. */
export function parseStoredLeaf({ leaf: text, details }: StoredLeaf, index: number): ParsedLeaf {
  const leaf = parseLeaf(text);
  if (leaf !== undefined) return { leaf, details: parseDetails(details) };
  throw new RecoveryRefusal(
    "leaf_unknown",
    `leaf ${index} is of a kind that this program does not know. Run the program that wrote it, or a newer one.`,
    [String(index)],
  );
}

/** Counts leaves. */
export class LeafCounts {
  readonly #counts = { versions: 0, yanks: 0, keyChanges: 0, statuses: 0, takedowns: 0, logChanges: 0 };

  /** Counts a leaf and returns it parsed. Throws as `parseStoredLeaf`. */
  add(stored: StoredLeaf, index: number): ParsedLeaf {
    const parsed = parseStoredLeaf(stored, index);
    this.#counts[countOf(parsed.leaf)] += 1;
    return parsed;
  }

  result(): LeafCount {
    return { ...this.#counts };
  }
}
