import { eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { yankLeaf } from "../tlog/leaf.ts";
import { present } from "./leaf-details.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** The members of a version that its yank leaf states. */
interface YankedVersion {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly yankSeq: number;
  /** Why it is yanked. Null if it is unyanked. */
  readonly yankReason: string | null;
  readonly yankMessage: string | null;
  readonly yankReplacement: string | null;
}

/**
 * Logs that versions were yanked or unyanked. The caller has locked their rows, so that `seq` has
 * no gaps.
 */
export async function logYanks(
  session: DbSession,
  { log }: { readonly log: TransparencyLog },
  action: "yank" | "unyank",
  by: string,
  rows: readonly YankedVersion[],
  at: Date,
): Promise<void> {
  if (rows.length === 0) return;
  const { versions } = session.tables;
  const leaves = rows.map((row) => {
    const { name, version, yankSeq, yankReason: reason, yankMessage: message, yankReplacement: replacement } = row;
    const leaf = yankLeaf({ name, version, seq: yankSeq + 1, action, by });
    return { leaf, details: { at: at.toISOString(), ...present({ reason, message, replacement }) } };
  });
  await log.append(session, leaves);
  for (const { id, yankSeq } of rows) {
    await session.query
      .update(versions)
      .set({ yankSeq: yankSeq + 1 })
      .where(eq(versions.id, id));
  }
}
