import { and, eq } from "drizzle-orm";
import { hashOfNoPassword } from "../accounts/password.ts";
import { OPERATOR, recordEvent } from "../audit/record-event.ts";
import type { BlobStore } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import { READ_ONLY } from "../db/invalidations.ts";
import type { StoredLeaf } from "../log/leaf-details.ts";
import { readLogEntriesWithIndex } from "../log/log-changes.ts";
import { type LogStateRow, readState } from "../log/log-rows.ts";
import { readStoredLeaves } from "../log/read-tile.ts";
import type { Report } from "../maintenance/progress.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { secondsText } from "../signing/key-statements.ts";
import type { SignerKey } from "../tlog/note.ts";
import type { LogChange } from "../verify/log-changes.ts";
import { originAt } from "../verify/log-changes.ts";
import { ArchiveCheck } from "./check-archives.ts";
import { type LeafCount, LeafCounts, type ParsedLeaf, parseStoredLeaf } from "./leaf-counts.ts";
import { planRecovery, type RecoveryPlan } from "./plan-recovery.ts";
import type { Placeholder } from "./recovered-account.ts";
import { replayKeyChange, replayStatus, replayYank } from "./replay-change.ts";
import { type ReadVersion, readVersion, replayVersion } from "./replay-version.ts";
import { tiledLeaves } from "./stored-log.ts";
import { Takedowns } from "./takedowns.ts";
import { toldTime } from "./told-details.ts";
import { writeRecoveredLog } from "./write-log.ts";

/** The leaves that one transaction replays: their archives are read before, at the same time. */
const BATCH = 16;

/** What a recovery needs. */
export interface RecoverDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  /** The keys of logs that this machine has: only they can have begun a new log. */
  readonly signers: readonly SignerKey[];
  readonly clock: () => Date;
  readonly failpoints: Failpoints;
  readonly report: Report;
}

/** What a recovery did, or would do. */
export interface Recovery {
  /** The database has the leaves before `from`; the log has `to`. */
  readonly from: number;
  readonly to: number;
  /** The root of the tree of `to` leaves, in hex. */
  readonly root: string;
  readonly counts: LeafCount;
  /** Accounts that were made for publishers whom the database lacks. */
  readonly placeholders: readonly Placeholder[];
  /** Publishers, each `<user name> of <package>`, that are no owners in this database. */
  readonly notOwners: readonly string[];
}

/**
 * Brings back what the storage's log records and an old database lacks: it continues the log, and
 * replays each leaf into the other tables. Undefined if the database lacks nothing. Safe to repeat,
 * and to continue after a crash at any point. With `isDryRun` it compares and checks, and changes
 * nothing. No server may run meanwhile. Throws `RecoveryRefusal`.
 */
export async function recover(deps: RecoverDeps, isDryRun: boolean): Promise<Recovery | undefined> {
  const { db } = deps;
  const state = await db.read(readState);
  if (state.recoveredTo === null) {
    const plan = await planRecovery(deps);
    if (plan === undefined) return undefined;
    await checkArchives(deps, plan);
    if (isDryRun) return { ...plan, placeholders: [], notOwners: [] };
    await writeRecoveredLog(deps, plan);
  }
  const { recoveredTo, size, root } = await db.read(readState);
  const from = recoveredTo ?? size;
  if (isDryRun)
    return { from, to: size, root, counts: await countsOf(db, from, size), placeholders: [], notOwners: [] };
  return replayAll(deps, from);
}

/** Asks for every archive before anything is written. */
async function checkArchives({ blobs }: RecoverDeps, { from, tiledSize, recent }: RecoveryPlan): Promise<void> {
  const check = new ArchiveCheck(blobs);
  let at = from;
  for await (const leaves of tiledLeaves(blobs, from, tiledSize)) {
    await check.add(leaves, at);
    at += leaves.length;
  }
  await check.add(recent, at);
  check.require();
}

async function countsOf(db: Database, from: number, to: number): Promise<LeafCount> {
  const counts = new LeafCounts();
  for (let at = from; at < to; at += BATCH) {
    const leaves = await db.read((session) => readStoredLeaves(session, at, Math.min(to, at + BATCH)));
    for (const [place, leaf] of leaves.entries()) counts.add(leaf, at + place);
  }
  return counts.result();
}

interface Context {
  readonly deps: RecoverDeps;
  readonly state: LogStateRow;
  readonly changes: readonly LogChange[];
  readonly passwordHash: string;
}

/** A leaf to replay, with its archive if it is a version. */
interface Prepared extends ParsedLeaf {
  readonly text: string;
  readonly index: number;
  readonly read: ReadVersion | undefined;
}

async function replayAll(deps: RecoverDeps, from: number): Promise<Recovery> {
  const { db, failpoints, report } = deps;
  const state = await db.read(readState);
  const changes = await db.read(readLogEntriesWithIndex);
  // Nobody learns the password of a placeholder.
  const passwordHash = await hashOfNoPassword();
  const context = { deps, state, changes, passwordHash };
  const counts = new LeafCounts();
  const placeholders: Placeholder[] = [];
  const notOwners = new Set<string>();
  const takedowns = await takedownsOf(db, from, state.size);
  for (let at = from; at < state.size; at += BATCH) {
    const to = Math.min(state.size, at + BATCH);
    const leaves = await db.read((session) => readStoredLeaves(session, at, to));
    for (const [place, leaf] of leaves.entries()) counts.add(leaf, at + place);
    const prepared = await Promise.all(leaves.map((stored, place) => prepare(deps, stored, at + place, takedowns)));
    const done = await db.write(async (session) => {
      const replayed = [];
      for (const leaf of prepared) replayed.push(await replayLeaf(session, context, leaf));
      failpoints.hit("recover.replaying");
      await saveProgress(session, context, { from: at, to });
      return replayed;
    });
    failpoints.hit("recover.replayed");
    for (const { placeholder, formerOwner } of done) {
      if (placeholder !== undefined) placeholders.push(placeholder);
      if (formerOwner !== undefined) notOwners.add(formerOwner);
    }
    report({ done: to - from, total: state.size - from, bytes: 0 });
  }
  return { from, to: state.size, root: state.root, counts: counts.result(), placeholders, notOwners: [...notOwners] };
}

/** Reads all leaves once, because a takedown comes after its version. */
async function takedownsOf(db: Database, from: number, to: number): Promise<Takedowns> {
  const takedowns = new Takedowns();
  for (let at = from; at < to; at += BATCH) {
    const leaves = await db.read((session) => readStoredLeaves(session, at, Math.min(to, at + BATCH)));
    for (const [place, stored] of leaves.entries()) takedowns.add(parseStoredLeaf(stored, at + place).leaf);
  }
  return takedowns;
}

async function prepare(
  { blobs }: RecoverDeps,
  stored: StoredLeaf,
  index: number,
  takedowns: Takedowns,
): Promise<Prepared> {
  const parsed = parseStoredLeaf(stored, index);
  const read = parsed.leaf.kind === "version" ? await readVersion(blobs, parsed.leaf, takedowns) : undefined;
  return { ...parsed, text: stored.leaf, index, read };
}

const NOTHING = { placeholder: undefined, formerOwner: undefined };

async function replayLeaf(
  session: DbSession,
  { deps: { db, clock }, state, changes, passwordHash }: Context,
  { leaf, details, text, index, read }: Prepared,
): Promise<{ readonly placeholder: Placeholder | undefined; readonly formerOwner: string | undefined }> {
  const now = clock();
  if (leaf.kind === "version") {
    if (read === undefined) throw new Error("The archive of a version was not read");
    const at = timeOf(details.at, leaf.publishedAt);
    return replayVersion(session, db.kind, read, index, details, { at, now, passwordHash });
  }
  const at = toldTime(details, leaf.kind === "key" ? leaf.at : now);
  const replayed = { kind: db.kind, index, details, at };
  if (leaf.kind === "yank") await replayYank(session, leaf, replayed);
  if (leaf.kind === "status") await replayStatus(session, leaf, replayed);
  if (leaf.kind === "key") await replayKeyChange(session, leaf, text, originAt(index, changes, state.origin), replayed);
  // A change of the log was recovered together with the log itself.
  return NOTHING;
}

/** The milliseconds of a time that the leaf has in whole seconds: the row must lead to the leaf. */
function timeOf(text: string | undefined, inLeaf: Date): Date {
  const at = new Date(text ?? "");
  return !Number.isNaN(at.getTime()) && secondsText(at) === secondsText(inLeaf) ? at : inLeaf;
}

/** Saves how far the recovery is, in the transaction that came so far. */
async function saveProgress(
  session: DbSession,
  { deps: { clock }, state }: Context,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const { logState } = session.tables;
  const isLast = to === state.size;
  const [saved] = await session.query
    .update(logState)
    .set({ recoveredTo: isLast ? null : to })
    .where(and(eq(logState.id, 1), eq(logState.recoveredTo, from)))
    .returning({ id: logState.id });
  if (saved === undefined) throw new Error("Another process recovers this log");
  if (!isLast) return;
  session.invalidate(READ_ONLY);
  await recordEvent(session, OPERATOR, "registry.recovered", clock(), { details: { size: to } });
}
