import { join } from "node:path";
import { hashFile } from "../blobs/hash-file.ts";
import { storageFailure } from "../blobs/incoming.ts";
import type { DatabaseConfig } from "../config/config.ts";
import { readPostgres } from "../db/copy/postgres-source.ts";
import { writeSqlite } from "../db/copy/sqlite-target.ts";
import { databaseFailure } from "../db/failure.ts";
import { checkIntegrity } from "../db/integrity.ts";
import { type SnapshotFacts, SnapshotFile, snapshotSqlite } from "../db/snapshot-file.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { copyDatabase } from "../maintenance/copy-database.ts";
import type { Report } from "../maintenance/progress.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { DATABASE_FILE } from "./layout.ts";
import type { FileDigest } from "./manifest.ts";

/** Any digest: hashing a file needs one only to name what fails. */
const NO_DIGEST = parseDigest("0".repeat(64)) as Sha256Digest;

/** Returns size and digest of a file. Throws `storage_failed` if it is not there or cannot be read. */
export async function digestOfFile(path: string, name: string): Promise<FileDigest> {
  const found = await hashFile(path, NO_DIGEST);
  if (found === undefined) throw storageFailure(Object.assign(new Error(`There is no ${name}`), { code: "ENOENT" }));
  return { name, size: found.size, sha256: found.digest };
}

/** The database of a snapshot, and what it says is wrong with itself. */
export interface SnapshotDatabase {
  readonly path: string;
  readonly file: FileDigest;
  readonly facts: SnapshotFacts;
  readonly problems: readonly string[];
}

/**
 * Writes one state of a registry's database into a snapshot, durably, while servers use the
 * database. It is a file of SQLite whatever the database is, so that it can be restored into either.
 * Throws `database_corrupt` if the database is too damaged to be read, and `storage_full`.
 */
export async function snapshotDatabase(
  database: DatabaseConfig,
  directory: string,
  report: Report,
): Promise<SnapshotDatabase> {
  const path = join(directory, DATABASE_FILE);
  try {
    if (database.kind === "sqlite") snapshotSqlite(database.path, path);
    else {
      await writeSqlite(path, (target) =>
        readPostgres(database.connection, (source) => copyDatabase(source, target, report)),
      );
    }
    await syncPath(path, "r+");
  } catch (cause) {
    throw databaseFailure(cause);
  }
  const { problems } = await checkIntegrity({ kind: "sqlite", path });
  const snapshot = new SnapshotFile(path);
  try {
    return { path, file: await digestOfFile(path, DATABASE_FILE), facts: snapshot.facts(), problems };
  } finally {
    snapshot.close();
  }
}
