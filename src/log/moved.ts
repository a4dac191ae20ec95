import { eq } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { READ_ONLY } from "../db/invalidations.ts";
import { Failure } from "../errors.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { findState, lockState } from "./log-rows.ts";

/** The reason that a server which still runs on the old database gives when it refuses a change. */
const REASON = "its database was moved to another place";

/** Where a database was moved to. */
interface Moved {
  readonly to: string;
  readonly at: Date;
}

/**
 * Marks a database as moved, after `db copy` has filled the one that takes its place. `to` names that
 * one in words, without credentials. Servers that still run on the old database become read-only.
 * Returns false if the database has no log: then no registry has used it.
 */
export function markMoved(db: Database, { to, at }: Moved): Promise<boolean> {
  return db.write(async (session) => {
    if ((await findState(session)) === undefined) return false;
    const { readOnlyReason, readOnlySince } = await lockState(session);
    const { logState } = session.tables;
    const mode = { readOnlyReason: readOnlyReason ?? REASON, readOnlySince: readOnlySince ?? at };
    await session.query
      .update(logState)
      .set({ movedTo: to, movedAt: at, ...mode })
      .where(eq(logState.id, 1));
    session.invalidate(READ_ONLY);
    return true;
  });
}

/**
 * Throws `OperatorError` if the database was moved: what a server or a command did with it would be
 * missing in the other one, and a backup of it is worth nothing.
 */
export async function requireNotMoved(db: Database): Promise<void> {
  const moved = await readMoved(db);
  if (moved === undefined) return;
  throw new OperatorError(
    `this database was copied to ${moved.to} (${moved.at.toISOString()}), and is not the registry's any more. Name ` +
      "the other one, in the environment or with --config <file>: DATABASE_URL for a Postgres, DATA_DIR for a file of " +
      "SQLite. To give that copy up and go on with this database, run cpm-registry admin read-only off --yes.",
  );
}

/** A damaged database may not say. Whoever opened it finds the damage. */
async function readMoved(db: Database): Promise<Moved | undefined> {
  try {
    return await db.read(movedIn);
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "database_corrupt") return undefined;
    throw cause;
  }
}

async function movedIn(session: DbSession): Promise<Moved | undefined> {
  const { movedTo: to = null, movedAt: at = null } = (await findState(session)) ?? {};
  return to === null || at === null ? undefined : { to, at };
}
