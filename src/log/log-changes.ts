import { asc, eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { parseLeaf } from "../tlog/leaf.ts";
import type { LogEntry } from "../tlog/log-leaf.ts";
import { parseVerifierKey, type VerifierKey } from "../tlog/note.ts";
import { readState } from "./log-rows.ts";

/** A change of the log itself, as the database keeps it. */
export interface LogChangeRow {
  readonly index: number;
  readonly leaf: string;
  /** A checkpoint that the old key signed. */
  readonly checkpoint: string;
}

/** Reads all changes of the log in their order. */
export function readLogChanges({ query, tables: { logChanges } }: DbSession): Promise<LogChangeRow[]> {
  return query.select().from(logChanges).orderBy(asc(logChanges.index));
}

/** Reads what the leaves of all changes say, in their order. */
export async function readLogEntries(session: DbSession): Promise<LogEntry[]> {
  return (await readLogEntriesWithIndex(session)).map(({ entry }) => entry);
}

/** `readLogEntries` with the indexes of the leaves. */
export async function readLogEntriesWithIndex(session: DbSession): Promise<{ index: number; entry: LogEntry }[]> {
  const rows = await readLogChanges(session);
  return rows.map(({ index, leaf }) => {
    const entry = parseLeaf(leaf);
    if (entry?.kind !== "log") throw new Error("A change of the log is malformed");
    return { index, entry };
  });
}

/** Parses a verifier key that the database has. Throws if it is malformed. */
export function storedVerifier(vkey: string): VerifierKey {
  const key = parseVerifierKey(vkey);
  if (key === undefined) throw new Error("The log's verifier key is malformed");
  return key;
}

/** Reads every key that ever signed this log: the present one first. */
export async function readVerifiers(session: DbSession): Promise<readonly [VerifierKey, ...VerifierKey[]]> {
  const { vkey } = await readState(session);
  const entries = await readLogEntries(session);
  return [storedVerifier(vkey), ...entries.map(({ oldKey }) => storedVerifier(oldKey))];
}

/**
 * Writes the key, and with it the origin, that signs the log from now on. Call it with the state
 * locked.
 */
export async function writeLogKey(
  { query, tables: { logState } }: DbSession,
  key: { readonly origin: string; readonly vkey: string },
): Promise<void> {
  await query.update(logState).set(key).where(eq(logState.id, 1));
}

/** Keeps a change of the log for ever. */
export async function insertLogChange({ query, tables: { logChanges } }: DbSession, row: LogChangeRow): Promise<void> {
  await query.insert(logChanges).values(row);
}
