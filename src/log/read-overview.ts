import type { Config } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import { checkpointOfNote } from "../tlog/checkpoint.ts";
import { type Leaf, parseLeaf } from "../tlog/leaf.ts";
import type { LogEntry } from "../tlog/log-leaf.ts";
import { COSIGNATURE, parseNote, verifyNote } from "../tlog/note.ts";
import { parseDetails, type StoredLeaf } from "./leaf-details.ts";
import { readLogEntries } from "./log-changes.ts";
import { readState } from "./log-rows.ts";
import { readStoredLeaves } from "./read-tile.ts";

/** One entry of the log. `leaf` is undefined if this program does not know its kind. */
export interface ShownEntry {
  readonly index: number;
  readonly leaf: Leaf | undefined;
  /** When it happened: as the leaf says, else as this registry noted. Undefined if neither does. */
  readonly at: Date | undefined;
  /** The category of a yank's reason, as this registry noted it. */
  readonly yankReason: string | undefined;
}

/** What a witness of the settings said of the newest checkpoint. */
export interface WitnessStatus {
  readonly name: string;
  /** When it cosigned; undefined if it did not, or not yet. */
  readonly cosignedAt: Date | undefined;
}

/** What a page shows of the log. */
export interface LogOverview {
  readonly origin: string;
  readonly vkey: string;
  /** The signed note, and the size and root (in base64) in it. */
  readonly checkpoint: string;
  readonly size: number;
  readonly root: string;
  /** The newest first. */
  readonly entries: readonly ShownEntry[];
  /** The index before which the entries go on; undefined at the beginning of the log. */
  readonly before: number | undefined;
  readonly changes: readonly LogEntry[];
  readonly witnesses: readonly WitnessStatus[];
}

interface OverviewDeps {
  readonly db: Database;
  readonly config: Pick<Config, "logWitnesses">;
}

/** Returns what each witness said of a checkpoint. A wrong cosignature counts as none. */
function witnessesOf({ logWitnesses }: Pick<Config, "logWitnesses">, checkpoint: string): WitnessStatus[] {
  const { signatures = [] } = parseNote(checkpoint) ?? {};
  return logWitnesses.map(({ key }) => {
    const isValid = key.type === COSIGNATURE && verifyNote(checkpoint, [key]) !== undefined;
    const line = signatures.find(({ name, keyId }) => name === key.name && keyId === key.keyId);
    // A cosignature begins with its time in seconds since 1970 (c2sp.org/tlog-cosignature).
    const seconds = isValid && line !== undefined ? Number(line.signature.readBigUInt64BE(0)) : undefined;
    return { name: key.name, cosignedAt: seconds === undefined ? undefined : new Date(seconds * 1_000) };
  });
}

/** Yanks and statuses have no time in their leaves. */
function timeIn(leaf: Leaf | undefined): Date | undefined {
  if (leaf?.kind === "version") return leaf.publishedAt;
  return leaf?.kind === "key" || leaf?.kind === "log" ? leaf.at : undefined;
}

function shownEntry({ leaf: text, details }: StoredLeaf, index: number): ShownEntry {
  const leaf = parseLeaf(text);
  const { at, reason } = parseDetails(details);
  const noted = at === undefined || Number.isNaN(Date.parse(at)) ? undefined : new Date(at);
  return { index, leaf, at: timeIn(leaf) ?? noted, yankReason: leaf?.kind === "yank" ? reason : undefined };
}

/** Reads how many entries the log has. */
export async function readLogSize({ db }: Pick<OverviewDeps, "db">): Promise<number> {
  const { size } = await db.read(readState);
  return size;
}

/**
 * Reads the state of the log and `count` entries: the newest, or those before the index `before`.
 * They are in two bundles at most.
 */
export function readLogOverview(
  { db, config }: OverviewDeps,
  { before, count }: { readonly before: number | undefined; readonly count: number },
): Promise<LogOverview> {
  return db.read(async (session) => {
    const { origin, vkey, size, checkpoint } = await readState(session);
    const end = Math.min(before ?? size, size);
    const first = Math.max(end - count, 0);
    const leaves = await readStoredLeaves(session, first, end);
    return {
      ...{ origin, vkey, size, checkpoint },
      root: checkpointOfNote(checkpoint)?.root.toString("base64") ?? "",
      entries: leaves.map((leaf, at) => shownEntry(leaf, first + at)).toReversed(),
      before: first > 0 ? first : undefined,
      changes: await readLogEntries(session),
      witnesses: witnessesOf(config, checkpoint),
    };
  });
}
