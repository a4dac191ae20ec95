import { parseDigest } from "../domain/digest.ts";
import { foldName } from "../domain/package-name.ts";
import { checkPublicKey, equationHoldsAsync, hasSmallOrder } from "../signing/ed25519.ts";
import { CLOCK_DIFFERENCE_MAX_MS } from "../signing/key-statements.ts";
import { signedMessage } from "../signing/statement.ts";
import type { KeyEntry } from "../tlog/key-leaf.ts";
import { parseLeaf, type VersionEntry, type YankEntry } from "../tlog/leaf.ts";
import { type LogEntry, logText } from "../tlog/log-leaf.ts";
import { STATUS_ACTIONS, type StatusAction, type StatusEntry, WHOLE_PACKAGE } from "../tlog/status-leaf.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import { DigestTable } from "./digest-table.ts";
import { foldedVersion } from "./folded-version.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { changeFault, type LogChange, originAt } from "./log-changes.ts";
import { PackageHistories } from "./package-histories.ts";
import { beginHistory, replayKeyChange, replayVersion } from "./package-history.ts";

/**
 * How far the time of a leaf may be before that of an earlier leaf. Servers of one registry have
 * several clocks, and publishes overtake each other. The bound is small compared with the 72 hours
 * of a reset.
 */
export const DISORDER_MAX_MS = 60 * 60_000;

/** A number below 2^53, the lower half first. */
export const SEQUENCE_WORDS = 2;
/** The place of an action in `STATUS_ACTIONS`. */
export const STATUS_WORDS = 1;
const TAKEN_DOWN = STATUS_ACTIONS.indexOf("remove");
const WORD_RANGE = 2 ** 32;

/** What the rules need to know about earlier leaves. It is saved between audits. */
export interface LeafHistory {
  /** Folded names and versions: `my-pkg 1.0.0` stands for `my_pkg 1.0.0+a` too. */
  readonly versions: DigestTable;
  /** Who may sign, by folded name. */
  readonly packages: PackageHistories;
  /**
   * The last number of each sequence: the yanks of a version, the statuses of a version or a
   * package.
   */
  readonly sequences: DigestTable;
  /** What administrators last did, by folded name and version, or `*`. */
  readonly statuses: DigestTable;
  /** The newest time in a leaf, but not beyond the auditor's clock. */
  newestMs: number;
  /** The number of versions with a signature over their archive whose archive was not read. */
  archivesUnread: number;
}

/** Returns the history before the first leaf. */
export function emptyHistory(): LeafHistory {
  return {
    ...{ versions: new DigestTable(0), packages: PackageHistories.empty() },
    ...{ sequences: new DigestTable(SEQUENCE_WORDS), statuses: new DigestTable(STATUS_WORDS) },
    ...{ newestMs: 0, archivesUnread: 0 },
  };
}

/**
 * What an audit saw of a log at some time. Leaves that were added later must not be dated earlier.
 */
export interface Look {
  readonly atMs: number;
  readonly size: number;
}

/** What one audit knows in addition to the leaves. */
export interface AuditContext {
  readonly history: LeafHistory;
  /** The log's origin, which every key change must name. */
  readonly origin: string;
  /** How the log's key and origin changed, which its leaves must show. */
  readonly changes: readonly LogChange[];
  readonly archives: ArchiveReader | undefined;
  /** The auditor's clock. */
  readonly nowMs: number;
  /** What the audit before this one saw. */
  readonly looked: Look | undefined;
  /**
   * Called with every reset that is by the rules: no earlier key signed it, so people should know.
   */
  readonly onReset?: (reset: KeyEntry, index: number) => void;
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
 * Checks the next leaf of a log. The leaf is in the history once this returns. Problems arrive
 * later, when its signature was checked, and its archive where there is a reader of archives.
 */
export function checkLeaf(bytes: Buffer, index: number, context: AuditContext): Promise<LeafProblem | undefined> {
  const leaf = parseLeaf(bytes.toString("utf8"));
  switch (leaf?.kind) {
    case "version":
      return versionProblem(leaf, index, context);
    case "key":
      return Promise.resolve(keyProblem(leaf, index, context));
    case "yank":
      return Promise.resolve(sequenceProblem(`yank ${foldedVersion(leaf)}`, leaf, index, context));
    case "status":
      return Promise.resolve(statusProblem(leaf, index, context));
    case "log":
      return Promise.resolve(changeProblem(leaf, index, context));
    case undefined:
      return Promise.resolve({ code: "leaf_malformed", index, detail: "no leaf this program knows" });
  }
}

async function versionProblem(
  leaf: VersionEntry,
  index: number,
  context: AuditContext,
): Promise<LeafProblem | undefined> {
  const { history, archives } = context;
  const provenance = provenanceProblem(leaf, index, context);
  if (provenance !== undefined) return provenance;
  if (leaf.scheme === "ed25519-archive") {
    const read = await archives?.read(leaf, index, (archive) => signatureProblem(leaf, index, archive));
    if (archives !== undefined && read?.code !== "archive_withheld") return read;
    history.archivesUnread += 1;
    return read ?? signatureProblem(leaf, index);
  }
  const problem = await signatureProblem(leaf, index);
  return problem ?? archives?.read(leaf, index, async () => undefined);
}

/**
 * Returns the problem of a version that was logged before, has an impossible time, or is signed by
 * a key that the log does not let sign the package.
 */
function provenanceProblem(leaf: VersionEntry, index: number, context: AuditContext): LeafProblem | undefined {
  const { history } = context;
  const named = `${leaf.name} ${leaf.version}`;
  if (!history.versions.set(foldedVersion(leaf))) {
    return { code: "duplicate_version", index, detail: `${named} was logged before` };
  }
  const untimely = timeProblem(named, leaf.publishedAt, index, context);
  if (untimely !== undefined) return untimely;
  const name = foldName(leaf.name);
  const known = history.packages.get(name);
  if (known === undefined) {
    history.packages.set(name, beginHistory(leaf));
    return undefined;
  }
  const fault = replayVersion(known, leaf);
  history.packages.set(name, known);
  return fault && { ...fault, index };
}

/** Whether a change of the log itself is one of those that were checked before the leaves. */
function changeProblem(leaf: LogEntry, index: number, context: AuditContext): LeafProblem | undefined {
  const { changes } = context;
  const known = changes.find((change) => change.index === index);
  if (known !== undefined && logText(known.entry) === logText(leaf))
    return timeProblem(leaf.action, leaf.at, index, context);
  const before = changes.filter((change) => change.index < index);
  const why = changeFault(leaf, before) ?? "the registry does not list it among the changes of its log";
  return { code: "log_change_invalid", index, detail: `${leaf.action} to ${leaf.newKey}: ${why}` };
}

function keyProblem(leaf: KeyEntry, index: number, context: AuditContext): LeafProblem | undefined {
  const { history, changes } = context;
  const origin = originAt(index, changes, context.origin);
  const name = foldName(leaf.name);
  const known = history.packages.get(name);
  if (known === undefined) {
    return { code: "history_broken", index, detail: `${leaf.name}: a key change before the first version` };
  }
  const fault = replayKeyChange(known, origin, leaf);
  history.packages.set(name, known);
  if (fault !== undefined) return { ...fault, index };
  if (leaf.action === "reset") context.onReset?.(leaf, index);
  return timeProblem(`${leaf.name}: key change ${leaf.seq} (${leaf.action})`, leaf.at, index, context);
}

/**
 * Returns the problem of a time that a leaf cannot have: in the future, long before that of an
 * earlier leaf, or before an audit that did not see the leaf. Such times shorten the 72 hours of a
 * reset, or revive a removed key.
 */
function timeProblem(
  what: string,
  time: Date,
  index: number,
  { history, nowMs, looked }: AuditContext,
): LeafProblem | undefined {
  const atMs = time.getTime();
  const { newestMs } = history;
  history.newestMs = Math.max(newestMs, Math.min(atMs, nowMs));
  const says = `${what} says ${time.toISOString()}`;
  if (atMs > nowMs + CLOCK_DIFFERENCE_MAX_MS) return { code: "time_in_future", index, detail: says };
  if (atMs < newestMs - DISORDER_MAX_MS) {
    const detail = `${says}, after a leaf of ${new Date(newestMs).toISOString()}`;
    return { code: "backdated", index, detail };
  }
  if (looked === undefined || index < looked.size || atMs >= looked.atMs - DISORDER_MAX_MS) return undefined;
  const detail = `${says}, and was not in the log at ${new Date(looked.atMs).toISOString()}`;
  return { code: "backdated", index, detail };
}

function statusProblem(leaf: StatusEntry, index: number, context: AuditContext): LeafProblem | undefined {
  const folded = foldedVersion(leaf);
  const { statuses } = context.history;
  // A takedown is for ever: no later status brings the bytes back.
  if (statuses.get(folded)?.[0] !== TAKEN_DOWN) statuses.set(folded, [STATUS_ACTIONS.indexOf(leaf.action)]);
  return sequenceProblem(`status ${folded}`, leaf, index, context);
}

function sequenceProblem(
  sequence: string,
  { seq }: Pick<YankEntry | StatusEntry, "seq">,
  index: number,
  { history: { sequences } }: AuditContext,
): LeafProblem | undefined {
  const [low = 0, high = 0] = sequences.get(sequence) ?? [];
  const expected = low + high * WORD_RANGE + 1;
  sequences.set(sequence, [seq % WORD_RANGE, Math.floor(seq / WORD_RANGE)]);
  if (seq === expected) return undefined;
  return { code: "sequence_gap", index, detail: `${sequence}: number ${seq}, where ${expected} follows` };
}

/**
 * Returns the action by which the log withholds the archive of a version, of the version's own
 * status or of its package's. `remove` is stronger than `quarantine`. Undefined means neither.
 */
export function withholdingAction(
  version: { readonly name: string; readonly version: string },
  { statuses }: LeafHistory,
): StatusAction | undefined {
  const last = (folded: string) => STATUS_ACTIONS[statuses.get(folded)?.[0] ?? STATUS_ACTIONS.length];
  const all = last(foldedVersion({ name: version.name, version: WHOLE_PACKAGE }));
  const own = last(foldedVersion(version));
  if (own === "remove" || all === "remove") return "remove";
  return own === "quarantine" || all === "quarantine" ? "quarantine" : undefined;
}
