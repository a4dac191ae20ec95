import { dirname } from "node:path";
import type { DatabaseConfig } from "../config/config.ts";
import { readNamedDatabase } from "../config/named-database.ts";
import { isInUse } from "../db/in-use.ts";
import { type CopiedDatabase, copyDatabase } from "../maintenance/copy-database.ts";
import { requireNoDatabase } from "../maintenance/new-database-file.ts";
import { readDatabaseRows, writeDatabaseRows } from "../maintenance/open-copy.ts";
import { counted } from "../runtime/counted.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { becomeDataOwner } from "../start/data-owner.ts";
import { requireMigrated } from "../start/open-offline.ts";
import { databaseStep } from "../start/start-step.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { UsageError } from "./usage.ts";

/** Options of `db copy`. */
export interface DbCopyArguments {
  readonly from: string;
  readonly to: string;
  readonly json: boolean;
}

/** Two databases of the same identity are the same, whatever the user. */
function identityOf(database: DatabaseConfig): string {
  if (database.kind === "sqlite") return database.path;
  const { host, port, database: name } = database.connection;
  return JSON.stringify([host, port, name]);
}

async function requireUnusedBy(database: DatabaseConfig, option: string): Promise<void> {
  if (!(await databaseStep(database, () => isInUse(database)))) return;
  throw new OperatorError(
    `a registry runs on the database of ${option}. Stop it on every machine, then run the command again.`,
  );
}

/**
 * Copies a database into an empty one and prints how many rows. Throws `UsageError` if both are the
 * same, and `OperatorError` if one of them is in use or the second one is not empty.
 */
export async function dbCopy({ from, to, json }: DbCopyArguments): Promise<number> {
  const source = readNamedDatabase("--from", from);
  const target = readNamedDatabase("--to", to);
  if (identityOf(source) === identityOf(target)) throw new UsageError("--from and --to are the same database.");
  for (const database of [source, target]) if (database.kind === "sqlite") becomeDataOwner(dirname(database.path));
  await requireMigrated(source);
  await requireUnusedBy(source, "--from");
  if (target.kind === "sqlite") requireNoDatabase(target.path);
  else await requireUnusedBy(target, "--to");
  const startedMs = performance.now();
  const bar = progressBar("db copy", json);
  try {
    const copied = await databaseStep(target, () =>
      writeDatabaseRows(target, async (rows) => {
        const done = await readDatabaseRows(source, (read) => copyDatabase(read, rows, bar.report));
        // What a registry wrote meanwhile would be missing.
        await requireUnusedBy(source, "--from");
        return done;
      }),
    );
    bar.end();
    const elapsedMs = performance.now() - startedMs;
    if (json) printJson({ from: source.kind, to: target.kind, ...copied, seconds: elapsedMs / 1_000 });
    else print(summaryOf(copied, source, target, elapsedMs));
    return 0;
  } finally {
    bar.end();
  }
}

function nameOf(database: DatabaseConfig): string {
  if (database.kind === "sqlite") return database.path;
  const { host, port, database: name } = database.connection;
  return `the Postgres database ${name} on ${host}:${port}`;
}

function summaryOf(copied: CopiedDatabase, from: DatabaseConfig, to: DatabaseConfig, elapsedMs: number): string {
  const what = `${counted(copied.packages, "package")} with ${counted(copied.versions, "version")}`;
  return [
    `Copied ${what} (${counted(copied.rows, "row")}) from ${nameOf(from)} to ${nameOf(to)} in ${durationText(elapsedMs)}.`,
    ...(to.kind === "postgres" ? [POSTGRES_NEXT] : []),
  ].join("\n");
}

const POSTGRES_NEXT =
  "Set DATABASE_URL, and JWT_KEY and LOG_SIGNING_KEY to the contents of jwt.key and log.key. Then start the registry.";
