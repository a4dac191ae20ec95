import { asc, gt } from "drizzle-orm";
import type { ListedBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { unreferencedOf } from "../packages/blob-removals.ts";
import { checkTotals, type TotalsCheck } from "./check-totals.ts";
import { type CheckedVersion, checkVersion, type Finding, selectChecked } from "./check-version.ts";
import { batchesOf, forEachConcurrently } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { type Repair, repairVersion } from "./repair-version.ts";
import { retryUntilAvailable } from "./retry.ts";

const PAGE = 500;
const CONCURRENCY = 6;
const PROBLEMS_LISTED_MAX = 10_000;
const FOREIGN_LISTED_MAX = 1_000;
/**
 * The pause before a finding is checked again, because a publisher may be repairing it right now.
 * If there are many findings, a repair in progress does not explain them, and pausing would take
 * long.
 */
const RECHECK_AFTER_MS = 300;
const PAUSES_MAX = 100;
/** Younger blobs may belong to publishes in flight. */
const ORPHAN_AFTER_MS = 3_600_000;

type FsckDeps = Pick<Deps, "db" | "blobs" | "clock">;

/** Options of `checkStore`. */
export interface FsckOptions {
  readonly repair: boolean;
  readonly report: Report;
}

/** A finding, its version, and the result of the repair if one was tried. */
export interface Problem extends Finding {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  readonly repair?: Repair;
}

/** The result of `checkStore`. */
export interface FsckResult {
  /** The number of checked versions, and the sum of their sizes in the database. */
  readonly checked: Amount;
  readonly problems: BoundedList<Problem>;
  /** Problems that a repair fixed, or that no longer exist. */
  repaired: number;
  /** Damaged archives that were moved away. Their versions still lack an archive. */
  setAside: number;
  /** Whether the totals of the metrics are right. */
  totals: TotalsCheck;
  /** Blobs that no version refers to. They are not damage. */
  readonly orphans: Amount;
  /** Names of files that are not digests. */
  readonly foreign: BoundedList<string>;
}

/**
 * Compares database and storage in both directions: reads every archive and verifies every
 * signature. It is safe while a server publishes. Throws `database_unavailable` and what listing
 * throws.
 */
export async function checkStore(deps: FsckDeps, options: FsckOptions): Promise<FsckResult> {
  const result: FsckResult = {
    checked: nothing(),
    problems: new BoundedList(PROBLEMS_LISTED_MAX),
    repaired: 0,
    setAside: 0,
    orphans: nothing(),
    foreign: new BoundedList(FOREIGN_LISTED_MAX),
    totals: "unknown",
  };
  const total = await retryUntilAvailable(() => deps.db.read(({ query, tables }) => query.$count(tables.versions)));
  await forEachConcurrently(allVersions(deps), CONCURRENCY, async (checked) => {
    const pauseMs = result.problems.count < PAUSES_MAX ? RECHECK_AFTER_MS : 0;
    for (const finding of await checkVersion(deps, checked, pauseMs))
      await note(deps, options, result, checked, finding);
    add(result.checked, checked.size);
    const { count, bytes } = result.checked;
    options.report({ done: count, total: Math.max(total, count), bytes });
  });
  await findOrphans(deps, result);
  result.totals = await checkTotals(deps.db, options.repair);
  return result;
}

/** Iterates over all versions by id, including versions that are published in the meantime. */
async function* allVersions({ db }: FsckDeps): AsyncGenerator<CheckedVersion> {
  for (let last = 0; ; ) {
    const after = last;
    const page = await retryUntilAvailable(() =>
      db.read((session) => {
        const { id } = session.tables.versions;
        return selectChecked(session).where(gt(id, after)).orderBy(asc(id)).limit(PAGE);
      }),
    );
    yield* page;
    const end = page.at(-1);
    if (end === undefined || page.length < PAGE) return;
    last = end.id;
  }
}

async function note(
  deps: FsckDeps,
  { repair }: FsckOptions,
  result: FsckResult,
  checked: CheckedVersion,
  finding: Finding,
): Promise<void> {
  const { name, version, sha256 } = checked;
  const done = repair ? await repairVersion(deps, checked, finding) : undefined;
  if (done === "rebuilt" || done === "healed") result.repaired += 1;
  if (done === "set_aside") result.setAside += 1;
  result.problems.add({
    ...finding,
    package: name,
    version,
    sha256,
    ...(done === undefined ? {} : { repair: done }),
  });
}

async function* oldDigests({ blobs, clock }: FsckDeps, result: FsckResult) {
  const oldestMs = clock().getTime() - ORPHAN_AFTER_MS;
  for await (const blob of blobs.list()) {
    const { digest } = blob;
    if (digest === undefined) result.foreign.add(blob.name);
    else if (blob.storedAt.getTime() < oldestMs) yield { ...blob, digest };
  }
}

async function findOrphans(deps: FsckDeps, result: FsckResult): Promise<void> {
  const listed: AsyncGenerator<ListedBlob & { readonly digest: Sha256Digest }> = oldDigests(deps, result);
  for await (const batch of batchesOf(listed, PAGE)) {
    const digests = batch.map(({ digest }) => digest);
    const orphans = new Set(
      await retryUntilAvailable(() => deps.db.read((session) => unreferencedOf(session, digests))),
    );
    for (const { digest, size } of batch) if (orphans.has(digest)) add(result.orphans, size);
  }
}
