import { asc, eq, inArray } from "drizzle-orm";
import type { DbSession, Tables } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { loadPackage } from "../packages/find-package.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { type KeyResetRow, loadPackageKeys, type PackageKeyRow } from "./package-trust.ts";
import { lastKeyLeaf } from "./record-key-change.ts";

type ChangeRow = Tables["packageKeyChanges"]["$inferSelect"];

/** The keys of a package and all changes of them since its first publish. */
export interface PackageKeysView {
  readonly name: string;
  /** What the next key change must name as `registry`: the origin of the log. */
  readonly registry: string;
  readonly keys: readonly PackageKeyView[];
  /** The value that the next key change must name as `previous`. */
  readonly previous: string;
  readonly reset: KeyResetView | null;
  readonly changes: readonly KeyChangeView[];
}

/** One key of a package. */
export interface PackageKeyView {
  readonly keyId: string;
  readonly publicKey: string;
  readonly status: PackageKeyRow["status"];
  readonly addedAt: string;
  readonly endedAt: string | null;
  /**
   * With `compromised`, the first version that is not trusted. Null if no version of this key is
   * trusted.
   */
  readonly compromisedSince: string | null;
}

/** A pending reset. */
export interface KeyResetView {
  readonly keyId: string;
  readonly publicKey: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly effectiveAt: string;
  /** An administrator upheld it: keys cannot cancel it any more. */
  readonly upheld: boolean;
}

/** One change of the keys of a package, as in the log. */
export interface KeyChangeView {
  readonly seq: number;
  readonly action: ChangeRow["action"];
  readonly publicKey: string;
  readonly by: string | null;
  readonly at: string;
  /** The signed statement, or null if an owner's session was the proof. */
  readonly statement: string | null;
  readonly leaf: string;
  readonly leafSha256: string;
}

function packageKeyView(row: PackageKeyRow, versionOf: ReadonlyMap<number, string>): PackageKeyView {
  const { publicKey, status, addedAt, endedAt, compromisedSince } = row;
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    status,
    addedAt: addedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    compromisedSince: versionOf.get(compromisedSince ?? 0) ?? null,
  };
}

function resetView({ publicKey, requestedBy, requestedAt, effectiveAt, upheld }: KeyResetRow): KeyResetView {
  const [requested, effective] = [requestedAt.toISOString(), effectiveAt.toISOString()];
  return { keyId: keyIdOf(publicKey), publicKey, requestedBy, requestedAt: requested, effectiveAt: effective, upheld };
}

function changeView({ seq, action, publicKey, byUsername, at, statement, leaf, leafSha256 }: ChangeRow): KeyChangeView {
  return { seq, action, publicKey, by: byUsername, at: at.toISOString(), statement, leaf, leafSha256 };
}

async function versionsById({ query, tables: { versions } }: DbSession, keys: readonly PackageKeyRow[]) {
  const ids = keys.flatMap(({ compromisedSince }) => compromisedSince ?? []);
  if (ids.length === 0) return new Map<number, string>();
  const rows = await query
    .select({ id: versions.id, version: versions.version })
    .from(versions)
    .where(inArray(versions.id, ids));
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** Reads the keys of a package. Throws `package_not_found`. */
export function readPackageKeys(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  name: PackageName,
): Promise<PackageKeysView> {
  return db.read(async (session) => {
    const { id } = await loadPackage(session, name);
    const { keys, reset } = await loadPackageKeys(session, id, clock());
    const { packageKeyChanges } = session.tables;
    const changes = await session.query
      .select()
      .from(packageKeyChanges)
      .where(eq(packageKeyChanges.packageId, id))
      .orderBy(asc(packageKeyChanges.seq));
    const versionOf = await versionsById(session, keys);
    return {
      name,
      registry: log.origin,
      keys: keys.map((row) => packageKeyView(row, versionOf)),
      previous: (await lastKeyLeaf(session, id)).sha256,
      reset: reset === undefined ? null : resetView(reset),
      changes: changes.map(changeView),
    };
  });
}
