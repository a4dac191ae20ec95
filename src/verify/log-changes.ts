import { parseJsonText } from "../domain/json-text.ts";
import { type Checkpoint, parseCheckpoint } from "../tlog/checkpoint.ts";
import { decodeBase64 } from "../tlog/encoding.ts";
import { parseLeaf } from "../tlog/leaf.ts";
import { type LogEntry, logText } from "../tlog/log-leaf.ts";
import { leafHash, verifyInclusion } from "../tlog/merkle.ts";
import { ED25519, parseVerifierKey, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { continues } from "./consistency.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

/*
 * How a log's key and origin changed (docs/log-format.md), proved by the log and by its old keys.
 */

/** A leaf that changed the log's key, and with it perhaps its origin. */
export interface LogChange {
  readonly index: number;
  readonly entry: LogEntry;
}

/**
 * A log has few changes, and each costs a request: this bounds what a hostile answer can ask for.
 */
const CHANGES_MAX = 64;
const ANSWER_MAX_BYTES = 1024 * 1024;

interface GivenChange {
  readonly index: number;
  readonly leaf: string;
  readonly checkpoint: string;
  readonly proof: readonly Buffer[];
}

/**
 * Asks a registry how the log of a checkpoint came to its key, and checks every step: the leaf is
 * in the checkpoint's tree, the keys that it names signed it, and it is in a tree that the old key
 * signed and that the checkpoint continues. Returns the changes in their order, or why they cannot
 * be believed. Whether the last new key signed the checkpoint is the caller's question. Throws
 * `RegistryFault`.
 */
export async function fetchLogChanges(client: RegistryClient, now: Checkpoint): Promise<readonly LogChange[] | string> {
  const given = now.size === 0 ? [] : await askChanges(client, now.size);
  if (given === undefined) return "the registry does not answer the changes of its log as a registry does";
  const changes: LogChange[] = [];
  for (const change of given) {
    const entry = parseLeaf(change.leaf);
    if (entry?.kind !== "log") return `leaf ${change.index} is not a change of the log`;
    const why = changeFault(entry, changes) ?? (await placeFault(client, now, change, entry));
    if (why !== undefined) return `leaf ${change.index}: ${why}`;
    changes.push({ index: change.index, entry });
  }
  const last = changes.at(-1);
  if (last === undefined || nameOf(last.entry.newKey) === now.origin) return changes;
  return `leaf ${last.index} begins the log ${nameOf(last.entry.newKey)}, and the checkpoint is of ${now.origin}`;
}

/**
 * Says why a leaf cannot change the key of a log after the changes before it; `undefined` when it
 * can. A key that was replaced never comes back: otherwise its thief could undo the rotation.
 */
export function changeFault(entry: LogEntry, before: readonly LogChange[]): string | undefined {
  const [oldKey, newKey] = [logKeyOf(entry.oldKey), logKeyOf(entry.newKey)];
  if (oldKey === undefined || newKey === undefined) return "it does not name two keys of logs";
  const last = before.at(-1)?.entry.newKey;
  if (last !== undefined && last !== entry.oldKey) return `it replaces ${entry.oldKey}, and ${last} was the log's key`;
  const isUsed = [...before.map((change) => change.entry.oldKey), entry.oldKey].includes(entry.newKey);
  if (isUsed) return `${entry.newKey} was the log's key before`;
  if ((entry.action === "rotate") !== (oldKey.name === newKey.name)) return "only a new log has another origin";
  const leaf = logText(entry);
  if (verifyNote(leaf, [newKey]) === undefined) return `the new key ${entry.newKey} did not sign it`;
  if (entry.action === "start" || verifyNote(leaf, [oldKey]) !== undefined) return undefined;
  return `the old key ${entry.oldKey} did not sign it`;
}

/** Says why a leaf is not in the tree, or not in one that the old key signed. */
async function placeFault(
  client: RegistryClient,
  now: Checkpoint,
  { index, leaf, checkpoint, proof }: GivenChange,
  entry: LogEntry,
): Promise<string | undefined> {
  if (!verifyInclusion(proof, index, leafHash(Buffer.from(leaf)), now.size, now.root)) {
    return "the proof does not lead to the checkpoint's root";
  }
  const signed = treeOfChange(entry, index, checkpoint);
  if (typeof signed === "string") return signed;
  if (await continues(client, signed, now)) return undefined;
  return `the log does not continue the tree of ${signed.size} leaves that the old key signed`;
}

/**
 * Returns the tree that the old key signed for a change of the log, from the checkpoint that was kept
 * with it: the one that ends with the leaf of a rotation, or the one before a new log. Returns why if
 * the checkpoint is of another tree, or of another key. Whether the log has this tree is the
 * caller's question.
 */
export function treeOfChange(entry: LogEntry, index: number, checkpoint: string): Checkpoint | string {
  const oldKey = logKeyOf(entry.oldKey);
  const signed = parseCheckpoint((oldKey && verifyNote(checkpoint, [oldKey])?.text) ?? "");
  if (signed === undefined || signed.origin !== oldKey?.name) return `${entry.oldKey} signed no tree with it`;
  const isRight =
    entry.action === "rotate"
      ? signed.size === index + 1
      : signed.size === index && entry.size === index && signed.root.toString("hex") === entry.root;
  return isRight ? signed : `the tree of ${signed.size} leaves that the old key signed is not the one of this leaf`;
}

function logKeyOf(vkey: string): VerifierKey | undefined {
  const key = parseVerifierKey(vkey);
  return key?.type === ED25519 ? key : undefined;
}

function nameOf(vkey: string): string {
  return parseVerifierKey(vkey)?.name ?? "";
}

/** Returns the key that took the place of another by rotations alone; `undefined` if none did. */
export function successorOf(vkey: string, changes: readonly LogChange[]): LogChange | undefined {
  const at = changes.findIndex(({ entry }) => entry.oldKey === vkey);
  const later = at < 0 ? [] : changes.slice(at);
  return later.every(({ entry }) => entry.action === "rotate") ? later.at(-1) : undefined;
}

/** Returns the origins of the logs that this one continues, the latest first. */
export function earlierOrigins(changes: readonly LogChange[]): string[] {
  const starts = changes.filter(({ entry }) => entry.action === "start");
  return starts.map(({ entry }) => nameOf(entry.oldKey)).reverse();
}

/**
 * Returns the origin that the log had when it appended the leaf at an index: statements name it.
 */
export function originAt(index: number, changes: readonly LogChange[], origin: string): string {
  const next = changes.find((change) => change.entry.action === "start" && change.index > index);
  return next === undefined ? origin : nameOf(next.entry.oldKey);
}

async function askChanges(client: RegistryClient, size: number): Promise<GivenChange[] | undefined> {
  try {
    const body = await client.bytes(`/api/log/changes?size=${size}`, ANSWER_MAX_BYTES);
    return readAnswer(parseJsonText(Buffer.from(body).toString("utf8")));
  } catch (cause) {
    // A registry that hides its changes answers none, too: then only the keys that are known count.
    if (cause instanceof RegistryFault && cause.isMissing) return [];
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function readAnswer(answer: unknown): GivenChange[] | undefined {
  if (typeof answer !== "object" || answer === null || !("changes" in answer)) return undefined;
  if (!Array.isArray(answer.changes) || answer.changes.length > CHANGES_MAX) return undefined;
  const changes = answer.changes.map(readChange);
  const whole = changes.filter((change) => change !== undefined);
  return whole.length === changes.length ? whole : undefined;
}

function readChange(change: unknown): GivenChange | undefined {
  const { index, leaf, checkpoint, proof } = Object(change);
  if (typeof index !== "number" || typeof leaf !== "string" || typeof checkpoint !== "string") return undefined;
  if (!Array.isArray(proof)) return undefined;
  const hashes = proof.map((hash) => (typeof hash === "string" ? decodeBase64(hash) : undefined));
  const whole = hashes.filter((hash) => hash !== undefined);
  return whole.length === hashes.length ? { index, leaf, checkpoint, proof: whole } : undefined;
}
