import { asc, eq, min } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { readLogChanges } from "../log/log-changes.ts";
import { nodeReader, readState } from "../log/log-rows.ts";
import { readLeaves } from "../log/read-tile.ts";
import { loadPackage } from "../packages/find-package.ts";
import { loadNumberedVersion } from "../packages/find-version.ts";
import type { PackageRow } from "../packages/views.ts";
import { Turns } from "../runtime/turns.ts";
import { formatExtra, type ProvedLeaf } from "../tlog/history.ts";
import { inclusionProofs } from "../tlog/merkle.ts";
import { formatProof } from "../tlog/proof.ts";

/** How the leaf of a log begins that continues another one. */
const START_PREFIX = "cpm.log/v1 start\n";

/** Entries of one answer: each has some twenty hashes, so this keeps an answer below a megabyte. */
const PAGE_MAX = 500;
/** Leaves that are read and proved at once, which takes a few milliseconds. */
const PROVED_TOGETHER = 4;

/** What a reader asks of a package's leaves. */
export interface PackageLogQuestion {
  /**
   * Only what it takes to judge this version: the first version, key changes and the version
   * itself.
   */
  readonly version: string | undefined;
  /** Proofs lead to the tree of so many leaves. Left out: to the newest. */
  readonly size: number | undefined;
  /** Only leaves beyond this index, to read on after `next`. */
  readonly after: number | undefined;
}

/** The leaves of a package, in the order of the log, proved to be in one tree. */
export interface PackageLogView {
  readonly origin: string;
  readonly size: number;
  /** The signed note for the newest tree; null when an older one was asked for. */
  readonly checkpoint: string | null;
  readonly entries: readonly { readonly index: number; readonly leaf: string; readonly proof: readonly string[] }[];
  /** What to ask for as `after` to read on; null at the end. */
  readonly next: number | null;
}

/**
 * Reads the leaves of a package. Throws `package_not_found`, `version_not_found` or
 * `validation_failed`.
 */
export function readPackageLog(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  { version, size: asked, after = -1 }: PackageLogQuestion,
): Promise<PackageLogView> {
  return db.read(async (session) => {
    const { origin, size: newest, checkpoint } = await readState(session);
    const size = asked ?? newest;
    if (size > newest) {
      throw failure({
        code: "validation_failed",
        faults: [{ path: "/size", message: `the log has ${newest} leaves` }],
      });
    }
    const found = await loadPackage(session, name);
    const indexes =
      version === undefined ? await allIndexes(session, found) : await indexesFor(session, found, version);
    const wanted = indexes.filter((index) => index > after && index < size);
    const page = wanted.slice(0, PAGE_MAX);
    const entries = await provedLeaves(session, page, size);
    return {
      origin,
      size,
      checkpoint: size === newest ? checkpoint : null,
      entries: entries.map(({ index, leaf, hashes }) => ({
        index,
        leaf: Buffer.from(leaf).toString("utf8"),
        proof: hashes.map((hash) => hash.toString("base64")),
      })),
      next: wanted.length > page.length ? (page.at(-1) ?? null) : null,
    };
  });
}

/**
 * Reads the proof that a version is in the log, against its newest checkpoint
 * (c2sp.org/tlog-proof), with the history that says who may sign the package: enough to verify
 * without asking anybody.
 */
export function readProofWithHistory(
  { db }: Pick<Deps, "db">,
  { packageId, logIndex }: { readonly packageId: number; readonly logIndex: number | null },
): Promise<string> {
  if (logIndex === null) throw new Error("A version is not in the log");
  return db.read(async (session) => {
    const { size, checkpoint } = await readState(session);
    const indexes = await historyIndexes(session, packageId);
    const isFirst = indexes[0] === logIndex;
    const others = (isFirst ? indexes.slice(1) : indexes).filter((index) => index !== logIndex);
    const [own, ...history] = await provedLeaves(session, [logIndex, ...others], size);
    if (own === undefined) throw new Error("A leaf of the log is missing");
    const { index, hashes, leaf } = own;
    return formatProof({ index, hashes, checkpoint, extra: formatExtra({ leaf, history }) });
  });
}

/**
 * Reads leaves and their proofs. Each leaf can be in another bundle of 256 kB and costs some five
 * hundred hashes, and anybody may ask for hundreds of them, so few are read at a time.
 */
async function provedLeaves(session: DbSession, indexes: readonly number[], size: number): Promise<ProvedLeaf[]> {
  const turns = new Turns();
  const proved: ProvedLeaf[] = [];
  for (let start = 0; start < indexes.length; start += PROVED_TOGETHER) {
    const some = indexes.slice(start, start + PROVED_TOGETHER);
    const leaves = await readLeaves(session, some, size);
    const proofs = await inclusionProofs(some, size, nodeReader(session, size));
    // A copy, because a leaf is a view that keeps its whole bundle in memory.
    const entries = some.map((index, at) => ({
      index,
      leaf: Uint8Array.from(leaves[at] ?? []),
      hashes: proofs[at] ?? [],
    }));
    proved.push(...entries);
    await turns.pause();
  }
  return proved;
}

async function versionIndexes({ query, tables: { versions } }: DbSession, packageId: number): Promise<number[]> {
  const rows = await query
    .select({ index: versions.logIndex })
    .from(versions)
    .where(eq(versions.packageId, packageId))
    .orderBy(asc(versions.logIndex));
  return rows.flatMap(({ index }) => index ?? []);
}

async function keyIndexes({ query, tables: { packageKeyChanges } }: DbSession, packageId: number): Promise<number[]> {
  const rows = await query
    .select({ index: packageKeyChanges.logIndex })
    .from(packageKeyChanges)
    .where(eq(packageKeyChanges.packageId, packageId))
    .orderBy(asc(packageKeyChanges.seq));
  return rows.flatMap(({ index }) => index ?? []);
}

/** The versions since which keys of a package are compromised. */
async function sinceIndexes({ query, tables }: DbSession, packageId: number): Promise<number[]> {
  const { packageKeys, versions } = tables;
  const rows = await query
    .select({ index: versions.logIndex })
    .from(packageKeys)
    .innerJoin(versions, eq(versions.id, packageKeys.compromisedSince))
    .where(eq(packageKeys.packageId, packageId));
  return rows.flatMap(({ index }) => index ?? []);
}

async function firstIndex({ query, tables: { versions } }: DbSession, packageId: number): Promise<number | undefined> {
  const [row] = await query
    .select({ index: min(versions.logIndex) })
    .from(versions)
    .where(eq(versions.packageId, packageId));
  return row?.index ?? undefined;
}

/**
 * Every change of the log itself, if it ever began anew: key changes name the origin of their time.
 * A log that only changed its key has none to show here.
 */
async function changeIndexes(session: DbSession): Promise<number[]> {
  const changes = await readLogChanges(session);
  const hasStart = changes.some(({ leaf }) => leaf.startsWith(START_PREFIX));
  return hasStart ? changes.map(({ index }) => index) : [];
}

/**
 * The first version, every key change, and the versions that these name, in the order of the log.
 * With them are the changes of the log itself that a reader needs.
 */
async function historyIndexes(session: DbSession, packageId: number): Promise<number[]> {
  const first = await firstIndex(session, packageId);
  const keys = [...(await keyIndexes(session, packageId)), ...(await sinceIndexes(session, packageId))];
  const named = [...keys, ...(await changeIndexes(session))];
  return inOrder([...(first === undefined ? [] : [first]), ...named]);
}

async function indexesFor(session: DbSession, found: PackageRow, version: string): Promise<number[]> {
  const { row } = await loadNumberedVersion(session, found, version);
  return inOrder([...(await historyIndexes(session, found.id)), ...(row.logIndex === null ? [] : [row.logIndex])]);
}

async function statusIndexes({ query, tables: { packageStatuses } }: DbSession, packageId: number): Promise<number[]> {
  const { logIndex: index, packageId: ofPackage } = packageStatuses;
  const rows = await query.select({ index }).from(packageStatuses).where(eq(ofPackage, packageId));
  return rows.map((row) => row.index);
}

async function allIndexes(session: DbSession, { id }: PackageRow): Promise<number[]> {
  const [ofVersions, ofKeys] = [await versionIndexes(session, id), await keyIndexes(session, id)];
  return inOrder([...ofVersions, ...ofKeys, ...(await statusIndexes(session, id))]);
}

function inOrder(indexes: readonly number[]): number[] {
  return [...new Set(indexes)].toSorted((a, b) => a - b);
}
