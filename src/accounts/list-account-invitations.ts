import { and, desc, eq, gt } from "drizzle-orm";
import type { Deps } from "../deps.ts";

/** The most invitations that are listed. */
const LISTED_MAX = 200;

/** An invitation to make an account that nobody has used yet. */
export interface OpenInvitation {
  /** The digest of its token. Nobody can use the invitation with it. */
  readonly id: string;
  /** The only address that may use it. Null for any. */
  readonly email: string | null;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Lists the open invitations to make an account, the newest first. */
export async function listAccountInvitations({ db, clock }: Pick<Deps, "db" | "clock">): Promise<OpenInvitation[]> {
  const rows = await db.read(({ query, tables: { accountLinks } }) => {
    const { tokenSha256, kind, email, createdAt, expiresAt } = accountLinks;
    return query
      .select({ id: tokenSha256, email, createdAt, expiresAt })
      .from(accountLinks)
      .where(and(eq(kind, "invitation"), gt(expiresAt, clock())))
      .orderBy(desc(createdAt), desc(tokenSha256))
      .limit(LISTED_MAX);
  });
  return rows.map(({ id, email, createdAt, expiresAt }) => ({
    ...{ id, email },
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }));
}
