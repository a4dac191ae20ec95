import { and, desc, eq } from "drizzle-orm";
import type { DbSession, Tables } from "../db/database.ts";
import { statusLeaf } from "../tlog/leaf.ts";
import type { StatusAction, StatusReason } from "../tlog/status-leaf.ts";
import { present } from "./leaf-details.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** The package and version that a status leaf is about. */
export interface StatusSubject {
  readonly packageId: number;
  readonly name: string;
  /** `*` for the whole package. */
  readonly version: string;
}

type StatusRow = Tables["packageStatuses"]["$inferSelect"];

/** Reads the last status of a package or a version that is in the log. */
export async function lastStatus(
  { query, tables: { packageStatuses } }: DbSession,
  { packageId, version }: Omit<StatusSubject, "name">,
): Promise<StatusRow | undefined> {
  const [last] = await query
    .select()
    .from(packageStatuses)
    .where(and(eq(packageStatuses.packageId, packageId), eq(packageStatuses.version, version)))
    .orderBy(desc(packageStatuses.seq))
    .limit(1);
  return last;
}

/**
 * Logs what an administrator did to a package or a version. Call it with the package's row locked,
 * so that `seq` has no gaps, and last, because the log is locked from here to the end of the
 * transaction.
 */
export async function logStatus(
  session: DbSession,
  { log }: { readonly log: TransparencyLog },
  { packageId, name, version }: StatusSubject,
  {
    action,
    category,
    words,
  }: {
    readonly action: StatusAction;
    readonly category: StatusReason;
    /** The reason in words, which is no part of the leaf. */
    readonly words: string | null;
  },
  at: Date,
): Promise<void> {
  const seq = ((await lastStatus(session, { packageId, version }))?.seq ?? 0) + 1;
  const leaf = statusLeaf({ name, version, seq, action, reason: category });
  const { packageStatuses } = session.tables;
  const row = { packageId, version, seq, action, category, at };
  const details = { at: at.toISOString(), ...present({ reason: words }) };
  await log.append(session, [{ leaf, details }], (logIndex) =>
    session.query.insert(packageStatuses).values({ ...row, logIndex }),
  );
}
