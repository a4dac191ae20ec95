import { counted } from "../runtime/counted.ts";
import { type Checkpoint, checkpointOfNote } from "../tlog/checkpoint.ts";
import { formatVerifierKey, type VerifierKey } from "../tlog/note.ts";
import { type Check, failed, isGood, ok, unchecked, warning } from "./checks.ts";
import { continues } from "./consistency.ts";
import { earlierOrigins, fetchLogChanges, type LogChange, successorOf } from "./log-changes.ts";
import { cosigners, hasQuorum, type Policy } from "./policy.ts";
import type { RegistryClient } from "./registry-client.ts";
import type { SeenLog, SeenLogs } from "./seen-logs.ts";
import type { Trust } from "./trust.ts";
import { checkChanges, checkNoteSignature, hasUnknownSigner, type KnownLog, trustedKeys } from "./trusted-keys.ts";

/**
 * The checks of a checkpoint. `checkpoint` is set if the note is well-formed, whoever signed it.
 */
export interface CheckedCheckpoint {
  readonly checks: readonly Check[];
  readonly checkpoint: Checkpoint | undefined;
  /** How the log's key and origin changed; empty if nobody asked, or if it cannot be believed. */
  readonly changes: readonly LogChange[];
  /** Saves the checkpoint as the last one seen, if no check failed. */
  readonly saveSeen: () => Promise<void>;
}

/**
 * Checks a signed checkpoint: origin, signature, consistency with the last one seen, and
 * cosignatures. It asks the registry how the log's key changed where something points to a change,
 * or always with `asksChanges`.
 */
export async function checkCheckpoint(note: string, trust: Trust, asksChanges = false): Promise<CheckedCheckpoint> {
  const checkpoint = checkpointOfNote(note);
  if (checkpoint === undefined) {
    const check = failed("checkpoint", "checkpoint_malformed", "is not a signed checkpoint (c2sp.org/tlog-checkpoint)");
    return { checks: [check], checkpoint, changes: [], saveSeen: async () => undefined };
  }
  const { seenLogs, client } = trust;
  const { origin: name } = checkpoint;
  const before = client && (await seenLogs.originOf(client.url));
  const own = await seenLogs.log(name);
  const trusted = await trustedKeys(name, own, trust);
  const isOtherKey = !trusted.keys.some((key) => formatVerifierKey(key) === own?.vkey);
  const isOtherLog = before !== undefined && before !== name;
  const asks = asksChanges || isOtherKey || isOtherLog || hasUnknownSigner(note, name, { trusted, seen: own });
  const found = client !== undefined && asks ? await fetchLogChanges(client, checkpoint) : [];
  const changes = typeof found === "string" ? [] : found;
  const known: KnownLog = { trusted, seen: own, changes };
  const seen = own ?? (await seenEarlier(changes, seenLogs));
  const { check: signature, key } = checkNoteSignature(note, name, known, client === undefined);
  const consistency =
    key === undefined
      ? unchecked("consistency", "no known key signed this checkpoint")
      : await checkConsistency(checkpoint, seen, client);
  const ofKey = typeof found === "string" ? [failed("key", "log_change_invalid", found)] : checkChanges(note, changes);
  const checks = [
    checkOrigin(checkpoint, { before, seen: own, changes }, trust),
    signature,
    ...ofKey,
    ...checkPinned(known, key, trust.vkey),
    consistency,
    checkWitnesses(note, trust.policy),
  ];
  const saveSeen = async () => {
    if (key === undefined || !isGood(checks)) return;
    const isNewer = (there: SeenLog) => (checkpointOf(there)?.size ?? 0) > checkpoint.size;
    const saved = { vkey: formatVerifierKey(key), checkpoint: note, retired: retiredKeys(known, key) };
    await seenLogs.saveLog(name, saved, isNewer);
    if (client !== undefined) await seenLogs.saveOrigin(client.url, name);
  };
  return { checks, checkpoint, changes, saveSeen };
}

/** Returns the keys whose signatures alone do not count any more. */
function retiredKeys({ seen, changes }: KnownLog, key: VerifierKey): string[] {
  const replaced = changes.map(({ entry }) => entry.oldKey);
  const all = new Set([...(seen?.retired ?? []), ...replaced]);
  all.delete(formatVerifierKey(key));
  return [...all];
}

/** Returns what was seen of the log that this one continues. */
async function seenEarlier(changes: readonly LogChange[], seenLogs: SeenLogs): Promise<SeenLog | undefined> {
  for (const origin of earlierOrigins(changes)) {
    const seen = await seenLogs.log(origin);
    if (seen !== undefined) return seen;
  }
  return undefined;
}

function checkpointOf(seen: SeenLog | undefined): Checkpoint | undefined {
  return seen && checkpointOfNote(seen.checkpoint);
}

interface SeenOrigin {
  /** The origin that the registry's log had before. */
  readonly before: string | undefined;
  readonly seen: SeenLog | undefined;
  readonly changes: readonly LogChange[];
}

/**
 * Without a registry, only the log that signed the proof can have been seen before. A new log of a
 * known registry has to be named by the user, by its key: otherwise whoever loses one log, or
 * steals the registry, could begin another one unnoticed.
 */
function checkOrigin({ origin }: Checkpoint, { before, seen, changes }: SeenOrigin, { vkey, policy }: Trust): Check {
  const isInPolicy = policy?.logs.some(({ name }) => name === origin) === true;
  const expected = vkey?.name ?? (isInPolicy ? origin : before);
  const continued = earlierOrigins(changes);
  if (expected !== undefined && expected !== origin) {
    const detail = `the checkpoint is of the log ${origin}, not of ${expected}`;
    if (!continued.includes(expected)) return failed("origin", "other_origin", detail);
    const step = `ask the operator on another channel for the key of the new log, then give it once: cpm-registry log audit --vkey '<key>'`;
    return failed("origin", "log_restarted", `${detail}, whose key was lost as the new log says: ${step}`);
  }
  if (before !== undefined && before !== origin) {
    if (continued.includes(before)) return ok("origin", `${origin}, which continues ${before}`);
    // Otherwise whoever gets a user to accept a new key could drop all that the user saw.
    const detail = `the registry had the log ${before}, and nothing proves that ${origin} continues it`;
    if (seen === undefined) return failed("origin", "other_origin", detail);
  }
  const isKnown = expected !== undefined || seen !== undefined;
  return ok("origin", isKnown ? origin : `${origin}, seen for the first time`);
}

/**
 * Warns if the given key is not the key seen before, and no rotation leads from one to the other.
 */
function checkPinned(
  { seen, changes }: KnownLog,
  key: VerifierKey | undefined,
  vkey: VerifierKey | undefined,
): Check[] {
  if (seen === undefined || vkey === undefined) return [];
  const given = formatVerifierKey(vkey);
  const successor = successorOf(seen.vkey, changes)?.entry.newKey;
  const related = [seen.vkey, ...seen.retired, ...(successor === undefined ? [] : [successor])];
  if (related.includes(given) || (key !== undefined && related.includes(formatVerifierKey(key)))) return [];
  return [warning("key", `${given}, given with --vkey, is not the key seen before: ${seen.vkey}`)];
}

async function checkConsistency(now: Checkpoint, seen: SeenLog | undefined, client: RegistryClient | undefined) {
  const name = "consistency";
  const before = checkpointOf(seen);
  if (before === undefined) return unchecked(name, "no checkpoint of this log was seen before");
  const sizes = `${counted(before.size, "leaf", "leaves")} seen before, ${now.size} now`;
  if (before.size === now.size) {
    if (before.root.equals(now.root))
      return ok(name, `the tree of ${counted(now.size, "leaf", "leaves")} that was seen before`);
    return failed(
      name,
      "forked",
      `two trees of ${counted(now.size, "leaf", "leaves")}: roots ${hex(before)} before and ${hex(now)} now`,
    );
  }
  if (client === undefined) return unchecked(name, `${sizes}: no registry was contacted`);
  if (now.size < before.size) return failed(name, "older_tree", `${sizes}: an older tree, or one that lost leaves`);
  if (await continues(client, before, now)) return ok(name, `${sizes}: leaves were only added`);
  return failed(name, "forked", `${sizes}: no proof that the second continues the first`);
}

function hex({ root }: Checkpoint): string {
  return root.toString("hex").slice(0, 16);
}

function checkWitnesses(note: string, policy: Policy | undefined): Check {
  if (policy === undefined) return unchecked("witnesses", "no policy: set LOG_POLICY or use --policy");
  const cosigned = cosigners(policy, note);
  const detail = `cosigned by ${cosigned.join(", ") || "none of the policy's witnesses"}; quorum ${policy.quorum}`;
  return hasQuorum(policy, cosigned) ? ok("witnesses", detail) : failed("witnesses", "quorum_missing", detail);
}
