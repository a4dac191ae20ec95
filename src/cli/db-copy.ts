import { dirname } from "node:path";
import type { DatabaseConfig } from "../config/config.ts";
import { readNamedDatabase } from "../config/named-database.ts";
import { isInUse } from "../db/in-use.ts";
import { markMoved } from "../log/moved.ts";
import { SETTLED_AFTER_MS } from "../log/read-only.ts";
import { type CopiedDatabase, copyDatabase } from "../maintenance/copy-database.ts";
import { requireNoDatabase } from "../maintenance/new-database-file.ts";
import { readDatabaseRows, readOnlySince, writeDatabaseRows } from "../maintenance/open-copy.ts";
import { refusalCode } from "../maintenance/retry.ts";
import { counted } from "../runtime/counted.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { becomeDataOwner } from "../start/data-owner.ts";
import { openOffline } from "../start/open-offline.ts";
import { databaseStep } from "../start/start-step.ts";
import { systemClock } from "../start/system-clock.ts";
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

/**
 * Throws `OperatorError` if a registry may write to the source now: it runs and is not read-only, or
 * was not so for long enough. Returns whether the source is read-only.
 */
async function requireQuiet(source: DatabaseConfig): Promise<boolean> {
  const isUsed = await databaseStep(source, () => isInUse(source));
  const since = await readOnlySince(source);
  if (!isUsed || (since !== undefined && systemClock().getTime() - since.getTime() > SETTLED_AFTER_MS))
    return since !== undefined;
  throw new OperatorError(
    "a registry runs on the database of --from. Stop it on every machine, or run cpm-registry admin read-only on and " +
      `wait ${Math.ceil(SETTLED_AFTER_MS / 1_000)} s. Then run the command again.`,
  );
}

/**
 * Throws `MigrationError` if there is no current database, and `OperatorError` if it was moved
 * before.
 */
async function requireCurrent(source: DatabaseConfig): Promise<void> {
  await (await openOffline({ database: source })).close();
}

/**
 * Marks the source, whose copy is complete by now. Returns the code of the failure if it takes no
 * mark, such as a replica of Postgres.
 */
async function markSource(source: DatabaseConfig, target: DatabaseConfig): Promise<string | undefined> {
  try {
    const { db, clock, close } = await openOffline({ database: source }, systemClock);
    await markMoved(db, { to: nameOf(target), at: clock() }).finally(close);
    return undefined;
  } catch (cause) {
    return refusalCode(cause);
  }
}

async function requireUnused(target: DatabaseConfig): Promise<void> {
  if (target.kind === "sqlite") return requireNoDatabase(target.path);
  if (await databaseStep(target, () => isInUse(target)))
    throw new OperatorError("a registry runs on the database of --to. Name a new database.");
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
  await requireCurrent(source);
  const isReadOnly = await requireQuiet(source);
  await requireUnused(target);
  const startedMs = performance.now();
  const bar = progressBar("db copy", json);
  try {
    const copied = await databaseStep(target, () =>
      writeDatabaseRows(target, systemClock, async (rows) => {
        const done = await databaseStep(source, () =>
          readDatabaseRows(source, (read) => copyDatabase(read, rows, bar.report)),
        );
        // What a registry wrote meanwhile would be missing.
        await requireQuiet(source);
        return done;
      }),
    );
    bar.end();
    const notMarked = await markSource(source, target);
    const elapsedMs = performance.now() - startedMs;
    if (json) {
      const marked = { moved: notMarked === undefined, ...(notMarked === undefined ? {} : { notMarked }) };
      printJson({ from: source.kind, to: target.kind, ...copied, ...marked, seconds: elapsedMs / 1_000 });
    } else {
      print(summaryOf(copied, source, target, elapsedMs));
      print(nextOf(source, target, { isReadOnly, notMarked }));
    }
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
  return `Copied ${what} (${counted(copied.rows, "row")}) from ${nameOf(from)} to ${nameOf(to)} in ${durationText(elapsedMs)}.`;
}

function nextOf(
  from: DatabaseConfig,
  to: DatabaseConfig,
  { isReadOnly, notMarked }: { readonly isReadOnly: boolean; readonly notMarked: string | undefined },
): string {
  return [
    to.kind === "postgres" ? POSTGRES_NEXT : sqliteNext(to.path),
    ...(isReadOnly ? [READ_ONLY_NEXT] : []),
    notMarked === undefined ? MARKED : notMarkedText(nameOf(from), notMarked),
  ].join("\n");
}

const POSTGRES_NEXT =
  "Set DATABASE_URL, and JWT_KEY and LOG_SIGNING_KEY to the contents of jwt.key and log.key. Then start the registry.";

function sqliteNext(path: string): string {
  return `Take DATABASE_URL out of the settings. JWT_KEY and LOG_SIGNING_KEY can stay there: without them, the registry needs
their values, one key a line, in jwt.key and log.key in ${dirname(path)}, with mode 0600 and its own user as
the owner. Then start the registry.`;
}

const READ_ONLY_NEXT = "The copy is read-only, as the original. Once it serves: cpm-registry admin read-only off";

const MARKED = `The old database is marked as moved: no server starts on it and no command uses it any more. To give the copy up and
go on with the old one, run there: cpm-registry admin read-only off --yes`;

function notMarkedText(name: string, code: string): string {
  return `${name} could not be marked as moved (${code}): let no server and no command use it any more.`;
}
