import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkIntegrity } from "../db/integrity.ts";
import { MigrationError, sqliteSchemaState } from "../db/migrate.ts";
import { type NamedArchive, SnapshotFile } from "../db/snapshot-file.ts";
import { parseDigest } from "../domain/digest.ts";
import { errorCode, Failure } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { DATABASE_FILE, findArchive, KEYS_DIRECTORY, snapshotIn } from "./layout.ts";
import { type FileDigest, type Manifest, readManifest } from "./manifest.ts";
import { digestOfFile } from "./snapshot-database.ts";
import { logProblems } from "./snapshot-log.ts";

/** One thing that is wrong with a snapshot. */
export interface SnapshotProblem {
  /** True if the snapshot says so itself: it was so when the backup was made. */
  readonly isKnown: boolean;
  readonly detail: string;
  readonly archive?: NamedArchive;
}

async function fileProblem(directory: string, { name, size, sha256 }: FileDigest): Promise<string | undefined> {
  const path = join(directory, name);
  if (!existsSync(path)) return `${name} is missing`;
  const found = await digestOfFile(path, name).catch((cause) => {
    if (cause instanceof Failure) return undefined;
    throw cause;
  });
  if (found === undefined) return `${name} cannot be read`;
  if (found.size !== size) return `${name} has ${found.size} bytes, but had ${size}`;
  return found.sha256 === sha256 ? undefined : `${name} was altered: it has another digest`;
}

/**
 * Reads the manifest of a snapshot and compares its files with it. Returns why the snapshot cannot
 * be used, or its manifest.
 */
export async function readSnapshot(backup: string, id: string): Promise<Manifest | string> {
  try {
    const manifest = readManifest(backup, id);
    const directory = snapshotIn(backup, id);
    const database = await fileProblem(directory, manifest.database);
    if (database !== undefined) return database;
    for (const key of manifest.keys) {
      const problem = await fileProblem(join(directory, KEYS_DIRECTORY), key);
      if (problem !== undefined) return problem;
    }
    return manifest;
  } catch (cause) {
    if (cause instanceof OperatorError) return cause.message;
    throw cause;
  }
}

/** Yields the archives that a snapshot names and the backup lacks, or has with another size. */
export function* missingArchives(
  backup: string,
  manifest: Manifest,
  snapshot: SnapshotFile,
  note: (archive: NamedArchive) => void = () => undefined,
): Generator<SnapshotProblem> {
  const known = new Set(manifest.archives.lacking.map(({ sha256 }) => sha256));
  for (const archive of snapshot.archives()) {
    const digest = parseDigest(archive.sha256);
    const found = digest && findArchive(backup, digest);
    if (found?.size === archive.size) {
      note(archive);
      continue;
    }
    const detail = found === undefined ? "the archive is missing" : `the archive has ${found.size} bytes`;
    yield { isKnown: found === undefined && known.has(archive.sha256), detail, archive };
  }
}

/**
 * Returns why this program cannot use the schema of a snapshot. Undefined if it can, an older one
 * after its migrations.
 */
export function schemaProblem({ database }: Manifest): string | undefined {
  try {
    sqliteSchemaState(database.migrations);
    return undefined;
  } catch (cause) {
    if (cause instanceof MigrationError) return cause.message;
    throw cause;
  }
}

/**
 * Checks everything about a snapshot but the bytes of the archives: the files, the database's own
 * integrity, its schema, its log, and that each archive is there. `note` gets every archive that
 * is there.
 */
export async function checkSnapshot(
  backup: string,
  id: string,
  note: (archive: NamedArchive) => void,
): Promise<SnapshotProblem[]> {
  const manifest = await readSnapshot(backup, id);
  if (typeof manifest === "string") return [{ isKnown: false, detail: manifest }];
  const problems: SnapshotProblem[] = manifest.database.problems.map((detail) => ({ isKnown: true, detail }));
  const path = join(snapshotIn(backup, id), DATABASE_FILE);
  const schema = schemaProblem(manifest);
  if (schema !== undefined) problems.push({ isKnown: false, detail: schema });
  try {
    const found = problems.length > 0 ? [] : (await checkIntegrity({ kind: "sqlite", path })).problems;
    problems.push(...found.map((detail) => ({ isKnown: false, detail })));
    const snapshot = new SnapshotFile(path);
    try {
      const { log } = snapshot.facts();
      const wrong = log === undefined ? [] : await logProblems(snapshot, log);
      problems.push(...wrong.map((detail) => ({ isKnown: false, detail })));
      problems.push(...missingArchives(backup, manifest, snapshot, note));
    } finally {
      snapshot.close();
    }
  } catch (cause) {
    if (faultCode(errorCode(cause))?.kind !== "damaged") throw cause;
    problems.push({ isKnown: false, detail: "the database cannot be read" });
  }
  return problems;
}
