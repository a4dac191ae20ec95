import { parseDigest } from "../registry/digest.ts";
import { checkPublicKey, equationHolds } from "../signing/ed25519.ts";
import { signedMessage } from "../signing/statement.ts";
import { type Leaf, parseLeaf, type VersionEntry } from "../tlog/leaf.ts";
import type { ProblemCode } from "./checks.ts";

/** What the rules need to know of earlier leaves; kept from one audit to the next. */
export interface LeafHistory {
  readonly versions: Set<string>;
  /** The last number of each sequence: of the keys of a package, of the yanks of a version. */
  readonly sequences: Map<string, number>;
}

export interface LeafProblem {
  readonly code: ProblemCode;
  readonly index: number;
  readonly detail: string;
}

/** Whether a signature holds can be said of every scheme but the one that signs the archive itself. */
async function signatureHolds({ name, version, sha256, size, publicKey, signature, scheme }: VersionEntry) {
  const digest = parseDigest(sha256);
  const key = checkPublicKey(Buffer.from(publicKey, "hex"));
  if (digest === undefined || "refused" in key) return false;
  if (scheme === "ed25519-archive") return true;
  const message = await signedMessage(scheme, { name, version, digest, size }, async () => new Uint8Array());
  return equationHolds(key, message, Buffer.from(signature, "base64"));
}

/** Looks at the next leaf of a log and takes it into the history. Answers what is wrong with it, if anything. */
export async function checkLeaf(bytes: Uint8Array, index: number, history: LeafHistory) {
  const leaf = parseLeaf(Buffer.from(bytes).toString("utf8"));
  if (leaf === undefined) {
    return { leaf, problem: { code: "leaf_malformed" as const, index, detail: "no leaf this program knows" } };
  }
  const problem = leaf.kind === "version" ? await versionProblem(leaf, index, history) : gap(leaf, index, history);
  return { leaf, problem };
}

async function versionProblem(leaf: VersionEntry, index: number, { versions }: LeafHistory) {
  const named = `${leaf.name} ${leaf.version}`;
  if (versions.has(named)) return { code: "duplicate_version" as const, index, detail: `${named} was logged before` };
  versions.add(named);
  if (await signatureHolds(leaf)) return undefined;
  const detail = `${named}: the signature of key ${leaf.publicKey} does not hold`;
  return { code: "signature_invalid" as const, index, detail };
}

function gap(leaf: Exclude<Leaf, { kind: "version" }>, index: number, { sequences }: LeafHistory) {
  const of = leaf.kind === "yank" ? `yank ${leaf.name} ${leaf.version}` : `key ${leaf.name}`;
  const expected = (sequences.get(of) ?? 0) + 1;
  sequences.set(of, leaf.seq);
  if (leaf.seq === expected) return undefined;
  return { code: "sequence_gap" as const, index, detail: `${of}: number ${leaf.seq}, where ${expected} follows` };
}
