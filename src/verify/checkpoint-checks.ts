import { parseJsonText } from "../domain/json-text.ts";
import { counted } from "../runtime/counted.ts";
import { type Checkpoint, checkpointOfNote } from "../tlog/checkpoint.ts";
import { decodeBase64 } from "../tlog/encoding.ts";
import { verifyConsistency } from "../tlog/merkle.ts";
import { formatVerifierKey, parseVerifierKey, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { type Check, failed, isGood, ok, unchecked, warning } from "./checks.ts";
import type { KnownKeys } from "./known-keys.ts";
import { cosigners, hasQuorum, type Policy } from "./policy.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";
import type { SeenLog, SeenLogs } from "./seen-logs.ts";

/** What the user trusts. Without a client no registry is contacted. */
export interface Trust {
  readonly client: RegistryClient | undefined;
  readonly seenLogs: SeenLogs;
  readonly vkey: VerifierKey | undefined;
  readonly policy: Policy | undefined;
  readonly knownKeys: KnownKeys;
  /** The user's clock. */
  readonly now: Date;
}

/**
 * The checks of a checkpoint. `checkpoint` is set if the note is well-formed, whoever signed it.
 */
export interface CheckedCheckpoint {
  readonly checks: readonly Check[];
  readonly checkpoint: Checkpoint | undefined;
  /** Saves the checkpoint as the last one seen, if no check failed. */
  readonly saveSeen: () => Promise<void>;
}

/**
 * Checks a signed checkpoint: origin, signature, consistency with the last one seen, and
 * cosignatures.
 */
export async function checkCheckpoint(note: string, trust: Trust): Promise<CheckedCheckpoint> {
  const checkpoint = checkpointOfNote(note);
  if (checkpoint === undefined) {
    const check = failed("checkpoint", "checkpoint_malformed", "is no signed checkpoint (c2sp.org/tlog-checkpoint)");
    return { checks: [check], checkpoint, saveSeen: async () => undefined };
  }
  const { seenLogs, client } = trust;
  const seen = await seenLogs.log(checkpoint.origin);
  const origin = await checkOrigin(checkpoint, seen, trust);
  const { check: signature, key } = await checkNoteSignature(note, checkpoint, seen, trust);
  const consistency =
    key === undefined
      ? unchecked("consistency", "no known key signed this checkpoint")
      : await checkConsistency(checkpoint, seen, client);
  const checks = [origin, signature, ...checkPinned(seen, trust.vkey), consistency, checkWitnesses(note, trust.policy)];
  const saveSeen = async () => {
    if (key === undefined || !isGood(checks)) return;
    const isNewer = (there: SeenLog) => (checkpointOf(there)?.size ?? 0) > checkpoint.size;
    await seenLogs.saveLog(checkpoint.origin, { vkey: formatVerifierKey(key), checkpoint: note }, isNewer);
    if (client !== undefined) await seenLogs.saveOrigin(client.url, checkpoint.origin);
  };
  return { checks, checkpoint, saveSeen };
}

function checkpointOf(seen: SeenLog | undefined): Checkpoint | undefined {
  return seen && checkpointOfNote(seen.checkpoint);
}

/** Without a registry, only the log that signed the proof can have been seen before. */
async function checkOrigin(
  { origin }: Checkpoint,
  seen: SeenLog | undefined,
  { client, seenLogs, vkey }: Trust,
): Promise<Check> {
  const before = client && (await seenLogs.originOf(client.url));
  const expected = vkey?.name ?? before;
  if (expected !== undefined && expected !== origin) {
    return failed("origin", "other_origin", `the checkpoint is of the log ${origin}, not of ${expected}`);
  }
  const isKnown = expected !== undefined || seen !== undefined;
  return ok("origin", isKnown ? origin : `${origin}, seen for the first time`);
}

/** Returns the trusted keys, and the reason why they are trusted. */
async function trustedKeys(origin: string, seen: SeenLog | undefined, { client, vkey, policy }: Trust) {
  if (vkey !== undefined) return { keys: [vkey], because: "given with --vkey" };
  if (policy !== undefined && policy.logs.length > 0) return { keys: policy.logs, because: "named by the policy" };
  const text = seen?.vkey ?? (await client?.text("/log/vkey"))?.trim();
  const key = text === undefined ? undefined : parseVerifierKey(text);
  const because = seen === undefined ? "trusted on first use: only the registry confirms it" : "seen before";
  return { keys: key?.name === origin ? [key] : [], because };
}

async function checkNoteSignature(note: string, { origin }: Checkpoint, seen: SeenLog | undefined, trust: Trust) {
  const { keys, because } = await trustedKeys(origin, seen, trust);
  const named = keys.filter(({ name }) => name === origin);
  if (named.length === 0) {
    const detail = `no verifier key of ${origin} is known: pass it with --vkey, or fetch it with --registry`;
    return { check: failed("checkpoint", "vkey_unknown", detail), key: undefined };
  }
  const key = verifyNote(note, named)?.signed[0];
  if (key === undefined) {
    const texts = named.map(formatVerifierKey).join(" or ");
    return { check: failed("checkpoint", "checkpoint_unsigned", `${texts} (${because}) did not sign it`), key };
  }
  return { check: ok("checkpoint", `signed by ${formatVerifierKey(key)}, ${because}`), key };
}

/**
 * Warns if the given key is not the key seen before. A log has one key for ever, so another one
 * must be noticed.
 */
function checkPinned(seen: SeenLog | undefined, vkey: VerifierKey | undefined): Check[] {
  if (seen === undefined || vkey === undefined || seen.vkey === formatVerifierKey(vkey)) return [];
  return [warning("key", `${formatVerifierKey(vkey)}, given with --vkey, is not the key seen before: ${seen.vkey}`)];
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

type Tree = Pick<Checkpoint, "size" | "root">;

/**
 * Returns whether a tree is a prefix of another, by the registry's proof. Throws `RegistryFault`.
 */
export async function continues(client: RegistryClient, before: Tree, now: Tree): Promise<boolean> {
  if (before.size === now.size) return before.root.equals(now.root);
  const hashes = before.size === 0 ? [] : await fetchConsistency(client, before.size, now.size);
  return hashes !== undefined && verifyConsistency(hashes, before.size, before.root, now.size, now.root);
}

/**
 * Fetches a consistency proof. Returns undefined if the registry has none, though it published both
 * trees.
 */
async function fetchConsistency(client: RegistryClient, from: number, to: number): Promise<Buffer[] | undefined> {
  try {
    return proofOf(parseJsonText(await client.text(`/api/log/consistency?from=${from}&to=${to}`)));
  } catch (cause) {
    if (cause instanceof SyntaxError || (cause instanceof RegistryFault && cause.isMissing)) return undefined;
    throw cause;
  }
}

function proofOf(answer: unknown): Buffer[] | undefined {
  if (typeof answer !== "object" || answer === null || !("proof" in answer) || !Array.isArray(answer.proof)) return;
  const hashes = answer.proof.map((text) => (typeof text === "string" ? decodeBase64(text) : undefined));
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
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
