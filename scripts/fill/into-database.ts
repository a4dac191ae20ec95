import { hashPassword } from "../../src/accounts/password.ts";
import type { Config } from "../../src/config/config.ts";
import type { Registry as Deps } from "../../src/start/open-deps.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { versionLeaf, yankLeaf } from "../../src/tlog/leaf.ts";
import { PASSWORD } from "../../test/support/client.ts";
import { type Archives, prepareArchives } from "./archives.ts";
import { type BulkLoader, openBulkLoader } from "./bulk.ts";
import type { Drafts } from "./drafts.ts";
import type { Plan } from "./plan.ts";
import { type AddedVersion, addAccount, addDeprecation, addPackage, addVersion, DAY_MS, type Shown } from "./rows.ts";

/**
 * Leaves of one transaction. Large, because each transaction writes the tiles above its leaves
 * anew.
 */
const LEAVES_BATCH_SIZE = 4_096;

/** Reports progress: the kind of things, how many are done, and how many there are. */
export type Report = (what: string, done: number, total: number) => void;

interface Fill {
  readonly deps: Deps;
  readonly load: BulkLoader;
  readonly drafts: Drafts;
  readonly report: Report;
}

/**
 * Fills an empty registry through its database. The registry's own code makes rows where it has a
 * function for them, and the log appends its own leaves. So the first start finds everything
 * logged, and is as fast as any other.
 */
export async function fillDatabase(config: Config, drafts: Drafts, archives: Archives, report: Report): Promise<void> {
  const deps = await openDeps(config);
  try {
    await requireEmpty(deps);
    const archiveOf = await prepareArchives(archives, deps.blobs, drafts.seed);
    const load = await openBulkLoader(config.database);
    const fill = { deps, load, drafts, report };
    await addAccounts(fill);
    await addPackages(fill);
    await addVersions(fill, archiveOf);
    await load.finish((what) => report(what, 0, 0));
  } finally {
    await closeDeps(deps);
  }
}

async function requireEmpty({ db }: Deps): Promise<void> {
  const found = await db.read(({ query, tables }) => query.select({ id: tables.users.id }).from(tables.users).limit(1));
  if (found.length > 0)
    throw new Error("The registry has accounts already: give a new database and an empty DATA_DIR.");
}

async function addAccounts({ load, drafts, report }: Fill): Promise<void> {
  const passwordHash = await hashPassword(PASSWORD);
  const at = new Date(drafts.plan.publishedAt(0).getTime() - DAY_MS);
  for (let number = 0; number < drafts.accountCount; number += 1) {
    await addAccount(load, drafts.account(number), passwordHash, at);
    report("accounts", number + 1, drafts.accountCount);
  }
}

async function addPackages({ load, drafts, report }: Fill): Promise<void> {
  const shown = shownVersions(drafts.plan);
  for (const [number, one] of shown.entries()) {
    await addPackage(load, drafts, number, one);
    await addDeprecation(load, drafts, number, one.updatedAt);
    report("packages", number + 1, shown.length);
  }
}

/** Finds the version that each package shows, by the rule of src/packages/rebuild-listing.ts. */
function shownVersions(plan: Plan): Shown[] {
  const shown = Array.from({ length: plan.packages }, () => ({
    latest: undefined as number | undefined,
    isListed: false,
    updatedAt: new Date(0),
  }));
  for (let at = 0; at < plan.versions; at += 1) {
    const of = shown[plan.packageOf[at] ?? 0];
    if (of === undefined) continue;
    const yankedAt = plan.yankedAt(at);
    const changedAt = yankedAt ?? plan.publishedAt(at);
    if (changedAt > of.updatedAt) of.updatedAt = changedAt;
    if (yankedAt !== null) continue;
    of.isListed = true;
    // Versions of a package are published in ascending order.
    if (!plan.isPrerelease(at)) of.latest = at;
  }
  return shown;
}

async function addVersions(
  { deps, load, drafts, report }: Fill,
  archiveOf: Awaited<ReturnType<typeof prepareArchives>>,
) {
  const { plan } = drafts;
  let leaves: string[] = [];
  let logIndex = 0;
  const log = async () => {
    const batch = leaves;
    leaves = [];
    if (batch.length > 0) await deps.db.write((session) => deps.log.append(session, batch));
  };
  for (let number = 0; number < plan.versions; number += 1) {
    const text = drafts.package(plan.packageOf[number] ?? 0);
    const archive = await archiveOf(text, plan.versionText(number), number);
    const made = leavesOf(await addVersion(load, drafts, number, text, archive, logIndex));
    leaves.push(...made);
    logIndex += made.length;
    if (leaves.length >= LEAVES_BATCH_SIZE) await log();
    report("versions", number + 1, plan.versions);
  }
  await log();
}

/** Returns the leaf of a version, followed by the leaf of its yank if it is yanked. */
function leavesOf(version: AddedVersion): string[] {
  const { name, version: number, by } = version;
  const leaf = versionLeaf(version);
  return version.isYanked ? [leaf, yankLeaf({ name, version: number, seq: 1, action: "yank", by })] : [leaf];
}
