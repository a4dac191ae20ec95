import { createHash } from "node:crypto";
import { foldName } from "../domain/package-name.ts";
import { counted } from "../runtime/counted.ts";
import { CLOCK_DIFFERENCE_MAX_MS } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import type { ProvedLeaf } from "../tlog/history.ts";
import { type Leaf, parseLeaf, type VersionEntry } from "../tlog/leaf.ts";
import { logText } from "../tlog/log-leaf.ts";
import { leafHash, verifyInclusion } from "../tlog/merkle.ts";
import { type Check, failed, ok, warning } from "./checks.ts";
import { foldedVersion } from "./folded-version.ts";
import type { KnownKeys, SeenHistory } from "./known-keys.ts";
import { DISORDER_MAX_MS } from "./leaf-rules.ts";
import { changeFault, earlierOrigins, type LogChange, originAt } from "./log-changes.ts";
import {
  beginHistory,
  type HistoryFault,
  type PackageHistory,
  replayKeyChange,
  replayVersion,
} from "./package-history.ts";

/**
 * A version, its place in a tree that was verified, and the leaves that say who may sign its
 * package.
 */
export interface HistoryQuestion {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  readonly index: number;
  readonly entry: VersionEntry;
  /** The first version, unless it is this one, and every key change, in the order of the log. */
  readonly history: readonly ProvedLeaf[];
  /**
   * Whether the registry gave the history just now. A proof in a file may be older than what was
   * seen.
   */
  readonly isFresh: boolean;
  /** The changes of the log itself that a registry proved; undefined if none was asked. */
  readonly changes: readonly LogChange[] | undefined;
}

/** The result of checking a version against the history of its package. */
export interface CheckedHistory {
  readonly checks: readonly Check[];
  /** Saves the history as the last one seen. Call it once every other check has passed too. */
  readonly remember: () => Promise<void>;
}

interface ReadLeaf {
  readonly index: number;
  readonly text: string;
  readonly leaf: Leaf;
}

/** The result of a replay. */
interface Replayed {
  readonly history: PackageHistory;
  readonly first: string;
  /** SHA-256 of each key leaf, by its number. */
  readonly digests: ReadonlyMap<number, string>;
  readonly resets: readonly Reset[];
}

/** A reset among the leaves. */
interface Reset {
  readonly seq: number;
  readonly at: Date;
  isCancelled: boolean;
}

/**
    const detail = `${counted(seen.seq, "key change")} seen on ${seen.seenAt}, ${history.seq} now`;
    if (isFresh) return failed(name, "history_shorter", detail);
    return warning(name, `${detail}: an older proof, which cannot show a key that was removed since; take a new one`);
 */
export async function checkHistory(question: HistoryQuestion, known: KnownKeys, now: Date): Promise<CheckedHistory> {
  const nothing = async () => undefined;
  const leaves = readLeaves(question);
  if (typeof leaves === "string") {
    return { checks: [failed("history", "history_broken", leaves)], remember: nothing };
  }
  const why = changesFault(changesIn(leaves), question);
  if (why !== undefined) return { checks: [failed("history", "log_change_invalid", why)], remember: nothing };
  const replayed = replay(question, leaves);
  if ("code" in replayed) return { checks: [failed("signer", replayed.code, replayed.detail)], remember: nothing };
  const name = foldName(question.entry.name);
  const seen = await seenOf(known, [question.origin, ...earlierOrigins(question.changes ?? changesIn(leaves))], name);
  const signer =
    checkTimes(leaves, now) ??
    checkCompromised(question, leaves, replayed.history) ??
    checkSigner(question, replayed.history);
  const continued = checkSeen(question, replayed, seen);
  const remember = async () => {
    const { first, history } = replayed;
    const { seq, previous: last } = history;
    // A proof from a file does not show changes that were made after it.
    const provedMs = question.isFresh ? now.getTime() : newestMs(leaves);
    const before = question.isFresh || seen === undefined ? 0 : Date.parse(seen.seenAt);
    const seenAt = new Date(Math.max(provedMs, before)).toISOString();
    if (seen === undefined || seen.seq <= seq) await known.save(question.origin, name, { first, seq, last, seenAt });
  };
  return { checks: [signer, continued], remember };
}

/** Returns what was seen of a package in a log, or in the log that it continues. */
async function seenOf(known: KnownKeys, origins: readonly string[], name: string): Promise<SeenHistory | undefined> {
  for (const origin of origins) {
    const seen = await known.of(origin, name);
    if (seen !== undefined) return seen;
  }
  return undefined;
}

/**
 * Reads the leaves of the history and the version's own, in the order of the log. Returns the
 * reason if they cannot be believed.
 */
function readLeaves({ history, index, entry, size, root }: HistoryQuestion): ReadLeaf[] | string {
  const leaves: ReadLeaf[] = [{ index, text: "", leaf: { kind: "version", ...entry } }];
  let before = -1;
  for (const proved of history) {
    const text = Buffer.from(proved.leaf).toString("utf8");
    const leaf = parseLeaf(text);
    if (leaf === undefined) return `leaf ${proved.index} has no form that this program knows`;
    if (proved.index <= before) return `leaf ${proved.index} does not come after leaf ${before}`;
    if (!verifyInclusion(proved.hashes, proved.index, leafHash(proved.leaf), size, root)) {
      return `leaf ${proved.index}: the proof does not lead to the checkpoint's root`;
    }
    before = proved.index;
    // A version of another package could pass for the one since which a key is compromised.
    if (leaf.kind !== "log" && foldName(leaf.name) !== foldName(entry.name))
      return `leaf ${proved.index} is about ${leaf.name}`;
    if (proved.index !== index) leaves.push({ index: proved.index, text, leaf });
  }
  return leaves.toSorted((a, b) => a.index - b.index);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Returns the changes of the log itself among the leaves. */
function changesIn(leaves: readonly ReadLeaf[]): LogChange[] {
  return leaves.flatMap(({ leaf, index }) => (leaf.kind === "log" ? [{ index, entry: leaf }] : []));
}

/**
 * Says why the changes of the log among the leaves cannot be right: they say which origin the
 * statements of key changes name.
 */
function changesFault(changes: readonly LogChange[], { origin, changes: proved }: HistoryQuestion): string | undefined {
  for (const [at, { index, entry }] of changes.entries()) {
    const isProved = proved?.some((change) => change.index === index && logText(change.entry) === logText(entry));
    const unlisted = isProved === false ? "the registry does not list it among the changes of its log" : undefined;
    const why = unlisted ?? changeFault(entry, changes.slice(0, at));
    if (why !== undefined) return `leaf ${index}: ${why}`;
  }
  const last = changes.at(-1);
  if (last === undefined || last.entry.newKey.startsWith(`${origin}+`)) return undefined;
  return `leaf ${last.index} does not begin the log ${origin}`;
}

function replay(
  { entry, index, origin, changes: proved }: HistoryQuestion,
  all: readonly ReadLeaf[],
): Replayed | HistoryFault {
  const changes = proved ?? changesIn(all);
  const leaves = all.filter(({ leaf }) => leaf.kind !== "log");
  const [first] = leaves;
  if (first?.leaf.kind !== "version" || foldName(first.leaf.name) !== foldName(entry.name)) {
    return { code: "history_broken", detail: "it does not begin with a version of the package" };
  }
  const history = beginHistory(first.leaf);
  const begun = history.previous;
  const digests = new Map([[0, begun]]);
  const resets: Reset[] = [];
  for (const { leaf, text, index: at } of leaves.slice(1)) {
    if (leaf.kind === "version" && at === index) {
      const fault = replayVersion(history, leaf);
      if (fault !== undefined) return fault;
    }
    if (leaf.kind !== "key") continue;
    const fault = replayKeyChange(history, originAt(at, changes, origin), leaf);
    if (fault !== undefined) return fault;
    digests.set(leaf.seq, sha256(text));
    if (leaf.action === "reset") resets.push({ seq: leaf.seq, at: leaf.at, isCancelled: false });
    const last = resets.at(-1);
    if (leaf.action === "cancel" && last !== undefined) last.isCancelled = true;
  }
  return { history, first: begun, digests, resets };
}

function timeMs({ leaf }: ReadLeaf): number {
  if (leaf.kind === "version") return leaf.publishedAt.getTime();
  return leaf.kind === "key" ? leaf.at.getTime() : 0;
}

function newestMs(leaves: readonly ReadLeaf[]): number {
  return leaves.reduce((newest, leaf) => Math.max(newest, timeMs(leaf)), 0);
}

/**
 * Leaves from the future would let a registry shorten the 72 hours of a reset, and so would leaves
 * that say that they are older than those before them.
 */
function checkTimes(leaves: readonly ReadLeaf[], now: Date): Check | undefined {
  let newest = 0;
  for (const leaf of leaves.filter(({ leaf: { kind } }) => kind === "version" || kind === "key")) {
    const at = timeMs(leaf);
    const says = `leaf ${leaf.index} is of ${new Date(at).toISOString()}`;
    if (at > now.getTime() + CLOCK_DIFFERENCE_MAX_MS) {
      return failed("signer", "time_in_future", `${says}, and your clock has ${now.toISOString()}`);
    }
    if (at < newest - DISORDER_MAX_MS) {
      return failed("signer", "backdated", `${says}, after a leaf of ${new Date(newest).toISOString()}`);
    }
    newest = Math.max(newest, at);
  }
  return undefined;
}

function checkSigner({ entry }: HistoryQuestion, { seq }: PackageHistory): Check {
  const changes = seq === 0 ? "no key changes" : counted(seq, "key change");
  return ok("signer", `key ${keyIdOf(entry.publicKey)} may sign ${entry.name}, by the log's own leaves (${changes})`);
}

/**
 * A version that a compromised key signed is not trusted, from the version on that the removal
 * names. That version is before the removal: a leaf behind it is a second one of this version, with
 * which a registry would call earlier versions good.
 */
function checkCompromised(
  { entry, index }: HistoryQuestion,
  leaves: readonly ReadLeaf[],
  { compromised }: PackageHistory,
): Check | undefined {
  const isLater = (version: string | null) => {
    const named = version === null ? undefined : foldedVersion({ name: entry.name, version });
    const removal = leaves.find(
      ({ leaf }) => leaf.kind === "key" && leaf.publicKey === entry.publicKey && leaf.removal?.since === version,
    );
    const since = leaves.find(({ leaf }) => leaf.kind === "version" && foldedVersion(leaf) === named);
    return since !== undefined && since.index > index && since.index < (removal?.index ?? 0);
  };
  const found = compromised.find(({ publicKey, since }) => publicKey === entry.publicKey && !isLater(since));
  if (found === undefined) return undefined;
  const from = found.since === null ? "" : ` since version ${found.since}`;
  const detail = `key ${keyIdOf(entry.publicKey)}, which signed it, is compromised${from}, as an owner's key says in the log`;
  return failed("signer", "key_compromised", detail);
}

function checkSeen({ isFresh }: HistoryQuestion, replayed: Replayed, seen: SeenHistory | undefined): Check {
  const { history, first, digests, resets } = replayed;
  const name = "history";
  if (seen === undefined)
    return ok(name, "seen for the first time: what the registry hides of it, before or after, shows in log audit");
  if (seen.first !== first) {
    return failed(name, "history_forked", `the package began with another version when you saw it on ${seen.seenAt}`);
  }
  if (seen.seq > history.seq) {
    const detail = `${counted(seen.seq, "key change")} seen on ${seen.seenAt}, ${history.seq} now`;
    if (isFresh) return failed(name, "history_shorter", detail);
    return warning(name, `${detail}: an older proof, which cannot show a key that was removed since; take a new one`);
  }
  if (digests.get(seen.seq) !== seen.last) {
    return failed(name, "history_forked", `key change ${seen.seq} is not the one that you saw on ${seen.seenAt}`);
  }
  const seenMs = Date.parse(seen.seenAt);
  const backdated = resets.find(({ seq, at }) => seq > seen.seq && at.getTime() < seenMs - CLOCK_DIFFERENCE_MAX_MS);
  if (backdated !== undefined) {
    const detail = `key change ${backdated.seq} is new, and says that it is older than your last look on ${seen.seenAt}`;
    return failed(name, "backdated", detail);
  }
  const reset = resets.find(({ seq, isCancelled }) => seq > seen.seq && !isCancelled);
  if (reset === undefined) return ok(name, `continues what you saw on ${seen.seenAt}`);
  const detail = `key change ${reset.seq} is new since ${seen.seenAt}: a reset of ${reset.at.toISOString()} to a key that no earlier key signed; ask an owner whether it is theirs`;
  return warning(name, detail);
}
