import { and, eq } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";

/**
 * Withdraws an invitation to make an account, named by the digest of its token: its link makes no
 * account any more. Does nothing if it was used or withdrawn before.
 */
export async function withdrawAccountInvitation(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  id: string,
): Promise<void> {
  await db.write(async (session) => {
    const { accountLinks } = session.tables;
    const isThis = and(eq(accountLinks.tokenSha256, id), eq(accountLinks.kind, "invitation"));
    const withdrawn = await session.query
      .delete(accountLinks)
      .where(isThis)
      .returning({ id: accountLinks.tokenSha256 });
    if (withdrawn.length > 0) await recordEvent(session, origin, "account.invitation_withdrawn", clock());
  });
}
