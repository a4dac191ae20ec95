import { eq, isNotNull } from "drizzle-orm";
import type { BlobStore, SidecarName } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import { parseDetails, type StoredLeaf } from "../log/leaf-details.ts";
import { lockState, readState, writeBundle, writeLeafDetails } from "../log/log-rows.ts";
import { readDetails, readStoredLeaves } from "../log/read-tile.ts";
import { formatRecent, readRecent, recentFiles } from "../log/recent-leaves.ts";
import { detailsName } from "../log/static-tiles.ts";
import { parseLeaf } from "../tlog/leaf.ts";
import { TILE_WIDTH, widthIn } from "../tlog/tile.ts";

interface EraseDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
}

/** The versions that are taken down, each `<name> <version>`. */
type TakenDown = ReadonlySet<string>;

/**
 * Erases what owners wrote about versions that are taken down: the words of their yanks, which lie
 * beside the leaves of the log for `log recover`, in the database and in the storage. The leaves
 * stay. Servers may run. Safe to repeat, also after a crash: the database, by which they are found,
 * comes last.
 */
export async function eraseWords(deps: EraseDeps): Promise<void> {
  const { db } = deps;
  const takenDown = await db.read(takenDownVersions);
  const bundles = await bundlesWithWords(db, takenDown);
  await eraseFromFiles(deps, bundles, takenDown);
  for (const index of bundles) await db.write((session) => eraseFromRows(session, index, takenDown));
  // A server may have written what it had read before.
  await eraseFromFiles(deps, bundles, takenDown);
}

async function takenDownVersions({ query, tables: { versions, packages } }: DbSession): Promise<TakenDown> {
  const rows = await query
    .select({ name: packages.name, version: versions.version })
    .from(versions)
    .innerJoin(packages, eq(packages.id, versions.packageId))
    .where(isNotNull(versions.takenDownAt));
  return new Set(rows.map(({ name, version }) => `${name} ${version}`));
}

const WORDS = /"(?:message|replacement)":/;

async function bundlesWithWords(db: Database, takenDown: TakenDown): Promise<number[]> {
  const { size } = await db.read(readState);
  const found: number[] = [];
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    const tile = { level: "entries", index, width: widthIn(size, 0, index) } as const;
    if (!WORDS.test(await db.read((session) => readDetails(session, tile)))) continue;
    const leaves = await db.read((session) => readBundle(session, index, size));
    if (leaves.some((stored) => withoutWords(stored, takenDown) !== stored)) found.push(index);
  }
  return found;
}

function readBundle(session: DbSession, index: number, size: number): Promise<StoredLeaf[]> {
  return readStoredLeaves(session, index * TILE_WIDTH, Math.min(size, (index + 1) * TILE_WIDTH));
}

/** Returns the same object if there is nothing to erase. */
function withoutWords(stored: StoredLeaf, takenDown: TakenDown): StoredLeaf {
  if (!WORDS.test(stored.details ?? "")) return stored;
  const entry = parseLeaf(stored.leaf);
  if (entry?.kind !== "yank" || !takenDown.has(`${entry.name} ${entry.version}`)) return stored;
  const { message: _, replacement: __, ...kept } = parseDetails(stored.details);
  return { leaf: stored.leaf, details: JSON.stringify(kept) };
}

/** With the log locked: an append may just fill the bundle. */
async function eraseFromRows(session: DbSession, index: number, takenDown: TakenDown): Promise<void> {
  const { size } = await lockState(session);
  const before = await readBundle(session, index, size);
  const leaves = before.map((stored) => withoutWords(stored, takenDown));
  if (leaves.length === TILE_WIDTH) return writeBundle(session, index, leaves);
  for (const [at, stored] of leaves.entries()) {
    if (stored !== before[at]) await writeLeafDetails(session, index * TILE_WIDTH + at, stored.details);
  }
}

async function eraseFromFiles({ db, blobs }: EraseDeps, bundles: readonly number[], takenDown: TakenDown) {
  for (const index of bundles) {
    const leaves = await db.read(async (session) => readBundle(session, index, (await readState(session)).size));
    const full = detailsName({ level: "entries", index, width: TILE_WIDTH });
    const widths = await blobs.sidecarsIn(`${full}.p`);
    for (const name of [full, ...widths.map((width): SidecarName => `${full}.p/${width}`)]) {
      const before = await blobs.readSidecar(name);
      const after = before
        ?.split("\n")
        .map((details, at) => withoutWords({ leaf: leaves[at]?.leaf ?? "", details }, takenDown).details)
        .join("\n");
      if (after !== undefined && after !== before) await blobs.putSidecar(name, after);
    }
  }
  for (const file of await recentFiles(blobs)) {
    const recent = await readRecent(blobs, file);
    const leaves = recent?.leaves.map((stored) => withoutWords(stored, takenDown)) ?? [];
    if (recent === undefined || leaves.every((stored, at) => stored === recent.leaves[at])) continue;
    await blobs.putSidecar(file.name, formatRecent({ ...recent, leaves }));
  }
}
