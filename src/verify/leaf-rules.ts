import { parseDigest } from "../domain/digest.ts";
import { checkPublicKey, equationHoldsAsync, hasSmallOrder } from "../signing/ed25519.ts";
import { signedMessage } from "../signing/statement.ts";
import { type Leaf, parseLeaf, type VersionEntry } from "../tlog/leaf.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import type { LeafProblem } from "./leaf-problem.ts";

/** What the rules need to know about earlier leaves. It is saved between audits. */
export interface LeafHistory {
  readonly versions: Set<string>;
  /**
   * The last number of each sequence, which are the key changes of a package and the yanks of a
   * version.
   */
  readonly sequences: Map<string, number>;
  /** The number of versions with a signature over their archive whose archive was not read. */
  archivesUnread: number;
}

/**
 * Returns whether a version's signature is valid. Only the scheme that signs the archive itself
 * needs `archive`. Without it, only the key of that scheme is checked.
 */
async function signatureHolds(entry: VersionEntry, archive: Uint8Array | undefined): Promise<boolean> {
  const { name, version, sha256, size, scheme } = entry;
  const digest = parseDigest(sha256);
  const key = checkPublicKey(Buffer.from(entry.publicKey, "hex"));
  const signature = Buffer.from(entry.signature, "base64");
  if (digest === undefined || "refused" in key || hasSmallOrder(signature)) return false;
  if (scheme === "ed25519-archive" && archive === undefined) return true;
  const message = await signedMessage(scheme, { name, version, digest, size }, async () => archive ?? Buffer.of());
  return equationHoldsAsync(key, message, signature);
}

async function signatureProblem(entry: VersionEntry, index: number, archive?: Uint8Array) {
  if (await signatureHolds(entry, archive)) return undefined;
  const detail = `${entry.name} ${entry.version}: the signature of key ${entry.publicKey} is invalid`;
  return { code: "signature_invalid" as const, index, detail };
}

/**
 * Checks the next leaf of a log. The leaf is in the history as soon as this function returns. The
 * promise resolves to the leaf's problem once its signature, and its archive if `archives` is set,
 * are checked.
 */
export function checkLeaf(
  bytes: Uint8Array,
  index: number,
  history: LeafHistory,
  archives: ArchiveReader | undefined,
): Promise<LeafProblem | undefined> {
  const leaf = parseLeaf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  if (leaf?.kind === "version") return versionProblem(leaf, index, history, archives);
  if (leaf !== undefined) return Promise.resolve(gap(leaf, index, history));
  return Promise.resolve({ code: "leaf_malformed", index, detail: "this program does not know this kind of leaf" });
}

async function versionProblem(
  leaf: VersionEntry,
  index: number,
  history: LeafHistory,
  archives: ArchiveReader | undefined,
): Promise<LeafProblem | undefined> {
  const named = `${leaf.name} ${leaf.version}`;
  if (history.versions.has(named)) return { code: "duplicate_version", index, detail: `${named} was logged before` };
  history.versions.add(named);
  if (leaf.scheme === "ed25519-archive") {
    const read = await archives?.read(leaf, index, (archive) => signatureProblem(leaf, index, archive));
    if (archives !== undefined && read?.code !== "archive_withheld") return read;
    history.archivesUnread += 1;
    return read ?? signatureProblem(leaf, index);
  }
  const problem = await signatureProblem(leaf, index);
  return problem ?? archives?.read(leaf, index, async () => undefined);
}

function gap(leaf: Exclude<Leaf, { kind: "version" }>, index: number, { sequences }: LeafHistory) {
  const of = leaf.kind === "yank" ? `yank ${leaf.name} ${leaf.version}` : `key ${leaf.name}`;
  const expected = (sequences.get(of) ?? 0) + 1;
  sequences.set(of, leaf.seq);
  if (leaf.seq === expected) return undefined;
  return { code: "sequence_gap" as const, index, detail: `${of}: number ${leaf.seq}, expected ${expected}` };
}
