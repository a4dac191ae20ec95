import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AppliedMigration, SnapshotLog } from "../db/snapshot-file.ts";
import { parseJsonText } from "../domain/json-text.ts";
import { errorCode } from "../errors.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { DATABASE_FILE, KEY_FILES, MANIFEST_FILE, snapshotIn } from "./layout.ts";

/** A file of a snapshot. */
export interface FileDigest {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** An archive that a snapshot names and the backup lacks, because it was damaged at its source. */
export interface LackingArchive {
  readonly package: string;
  readonly version: string;
  readonly sha256: string;
  readonly reason: string;
}

/** What a snapshot consists of. */
export interface Manifest {
  readonly format: "cpm-registry-backup/v1";
  /** RFC 3339. The snapshot holds everything that was acknowledged before this time. */
  readonly createdAt: string;
  /** The version of the program that made it. */
  readonly program: string;
  readonly source: { readonly database: "sqlite" | "postgres"; readonly storage: "files" | "s3" };
  readonly database: FileDigest & {
    readonly packages: number;
    readonly versions: number;
    /** The schema, as the ledger of SQLite has it. */
    readonly migrations: readonly AppliedMigration[];
    /** What the database says is wrong with itself; mostly empty. */
    readonly problems: readonly string[];
  };
  readonly log: Omit<SnapshotLog, "origins"> | null;
  readonly archives: { readonly count: number; readonly bytes: number; readonly lacking: readonly LackingArchive[] };
  readonly keys: readonly FileDigest[];
}

function digestOf(manifest: object): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}

/** Returns the text of a manifest. Its last member is the digest of all others. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, manifestSha256: digestOf(manifest) }, null, 2)}\n`;
}

/**
 * Reads the manifest of a snapshot. Throws `OperatorError` if it is missing, was cut or altered, or
 * has a form that this program does not know.
 */
export function readManifest(backup: string, id: string): Manifest {
  const found = parsed(backup, id);
  const { manifestSha256, ...manifest } = found;
  if (found.format !== undefined && found.format !== "cpm-registry-backup/v1")
    throw new OperatorError(`the snapshot ${id} was made by a newer cpm-registry. Use that version or a newer one.`);
  // Whoever can write to the backup can make the digest too, so it does not vouch for the form.
  if (manifestSha256 !== digestOf(manifest) || !isManifest(manifest))
    throw altered(id, "its manifest.json was cut or altered");
  return manifest;
}

type Unknown = Readonly<Record<string, unknown>>;

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isListOf = (value: unknown, isOne: (item: unknown) => boolean) => Array.isArray(value) && value.every(isOne);
const haveTexts = (names: readonly string[]) => (value: unknown) => names.every((name) => isText(Object(value)[name]));

/** Only known names, because files are written under them. */
function isFileOf(names: readonly string[]) {
  return (value: unknown) => {
    const { name, size, sha256 } = Object(value);
    return names.includes(name) && isCount(size) && isText(sha256);
  };
}

function isManifest(found: Unknown): found is Unknown & Manifest {
  const [database, archives, source]: Unknown[] = [found.database, found.archives, found.source].map(Object);
  return (
    haveTexts(["format", "createdAt", "program"])(found) &&
    haveTexts(["database", "storage"])(source) &&
    isFileOf([DATABASE_FILE])(database) &&
    [database?.packages, database?.versions, archives?.count, archives?.bytes].every(isCount) &&
    isListOf(database?.migrations, haveTexts(["name", "hash"])) &&
    isListOf(database?.problems, isText) &&
    isListOf(archives?.lacking, haveTexts(["package", "version", "sha256", "reason"])) &&
    isListOf(found.keys, isFileOf(KEY_FILES)) &&
    (found.log === null || haveTexts(["origin", "vkey", "root", "checkpoint"])(found.log))
  );
}

function parsed(backup: string, id: string): Unknown {
  try {
    return Object(parseJsonText(readFileSync(join(snapshotIn(backup, id), MANIFEST_FILE), "utf8")));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT")
      throw new OperatorError(`there is no whole snapshot named ${id}. See: cpm-registry backup list ${backup}`);
    if (cause instanceof SyntaxError) throw altered(id, "its manifest.json was cut or altered");
    throw cause;
  }
}

/** Makes the error of a snapshot that is not what was written. */
export function altered(id: string, what: string): OperatorError {
  return new OperatorError(`the snapshot ${id} cannot be used: ${what}. Use another snapshot.`);
}
