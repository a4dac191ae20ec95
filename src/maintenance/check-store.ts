import { asc, gt } from "drizzle-orm";
import type { ListedBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { unreferencedOf } from "../packages/blob-removals.ts";
import { type CheckedVersion, checkVersion, type Finding, selectChecked } from "./check-version.ts";
import { batchesOf, forEachConcurrently } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { type Repair, repairVersion } from "./repair-version.ts";
import { retryUntilAvailable } from "./retry.ts";

const PAGE = 500;
const CONCURRENCY = 6;
const PROBLEMS_LISTED_MAX = 10_000;
const FOREIGN_LISTED_MAX = 1_000;
/** Before a problem is looked at again; where there are many, somebody mending one of them is not what happened. */
const RECHECK_AFTER_MS = 300;
const PAUSES_MAX = 100;
/** Younger ones are of publishes in flight. */
const ORPHAN_AFTER_MS = 3_600_000;

type FsckDeps = Pick<Deps, "db" | "blobs" | "clock">;

/** Whether to repair what can be, and who is told how far it is. */
export interface FsckOptions {
  readonly repair: boolean;
  readonly report: Report;
}

/** A finding, the version it is about, and what was done about it. */
export interface Problem extends Finding {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  readonly repair?: Repair;
}

/** What was found. */
export interface FsckResult {
  /** Versions, and the bytes they should have. */
  readonly checked: Amount;
  readonly problems: BoundedList<Problem>;
  /** Problems that are none any more. */
  repaired: number;
  /** Damaged archives that were moved away; their versions still need theirs. */
  setAside: number;
  /** Blobs that no version refers to, which is no damage. */
  readonly orphans: Amount;
  /** Names among the blobs that are no digests. */
  readonly foreign: BoundedList<string>;
}

/**
 * Compares database and storage in both directions, reading every archive and verifying every signature. Safe beside
 * a server that publishes. Throws `database_unavailable` and what listing throws.
 */
export async function checkStore(deps: FsckDeps, options: FsckOptions): Promise<FsckResult> {
  const result: FsckResult = {
    checked: nothing(),
    problems: new BoundedList(PROBLEMS_LISTED_MAX),
    repaired: 0,
    setAside: 0,
    orphans: nothing(),
    foreign: new BoundedList(FOREIGN_LISTED_MAX),
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
  return result;
}

/** Every version by its id, also those that are published meanwhile. */
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
