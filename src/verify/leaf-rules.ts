import { parseDigest } from "../domain/digest.ts";
import { checkPublicKey, equationHoldsAsync, hasSmallOrder } from "../signing/ed25519.ts";
import { signedMessage } from "../signing/statement.ts";
import { type Leaf, parseLeaf, type VersionEntry } from "../tlog/leaf.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import type { LeafProblem } from "./leaf-problem.ts";

/** What the rules need to know of earlier leaves; kept from one audit to the next. */
export interface LeafHistory {
  readonly versions: Set<string>;
  /** The last number of each sequence: of the keys of a package, of the yanks of a version. */
  readonly sequences: Map<string, number>;
  /** How many versions have a signature over their archive, which was not read. */
  archivesUnread: number;
}

/** An `archive` is needed for the one scheme that signs the archive itself; without it only the key is checked. */
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
  const detail = `${entry.name} ${entry.version}: the signature of key ${entry.publicKey} does not hold`;
  return { code: "signature_invalid" as const, index, detail };
}

/**
 * Looks at the next leaf of a log; it is in the history once this returns. What is wrong with it comes later, when its
 * signature, and its archive where there is a reader of archives, were checked.
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
  return Promise.resolve({ code: "leaf_malformed", index, detail: "no leaf this program knows" });
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
  return { code: "sequence_gap" as const, index, detail: `${of}: number ${leaf.seq}, where ${expected} follows` };
}
