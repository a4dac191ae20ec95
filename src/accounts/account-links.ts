import { createHash, randomBytes } from "node:crypto";
import { and, eq, lt } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";

const TOKEN_BYTES = 24;
const DAY_MS = 24 * 60 * 60_000;

/** An invitation to make an account. The token is shown once, and stored only as its digest. */
export interface Invitation {
  readonly token: string;
  readonly expiresAt: Date;
}

function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * Makes an invitation to make one account, also where registration is closed. With `email`, only
 * that address may use it.
 */
export async function inviteAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  { email, days }: { readonly email: string | undefined; readonly days: number },
): Promise<Invitation> {
  const now = clock();
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const expiresAt = new Date(now.getTime() + days * DAY_MS);
  await db.write(async (session) => {
    const { accountLinks } = session.tables;
    await session.query.delete(accountLinks).where(lt(accountLinks.expiresAt, now));
    const row = { tokenSha256: digestOf(token), kind: "invitation" as const, email: email ?? null };
    await session.query.insert(accountLinks).values({ ...row, createdAt: now, expiresAt });
    await recordEvent(session, origin, "account.invited", now, { details: { expiresAt: expiresAt.toISOString() } });
  });
  return { token, expiresAt };
}

/**
 * Checks an invitation that may be used for an address, without using it. Throws
 * `invitation_invalid`.
 */
export async function requireInvitation(
  { query, tables: { accountLinks } }: DbSession,
  token: string,
  email: string,
  now: Date,
): Promise<void> {
  const isThis = and(eq(accountLinks.tokenSha256, digestOf(token)), eq(accountLinks.kind, "invitation"));
  const [found] = await query.select().from(accountLinks).where(isThis);
  const isForThem = found?.email === null || foldIdentity(found?.email ?? "") === foldIdentity(email);
  if (found === undefined || found.expiresAt <= now || !isForThem) throw failure({ code: "invitation_invalid" });
}

/** Uses up an invitation in the transaction that makes the account. Throws `invitation_invalid`. */
export async function spendInvitation(session: DbSession, token: string, email: string, now: Date): Promise<void> {
  await requireInvitation(session, token, email, now);
  const { accountLinks } = session.tables;
  // Of two registrations at the same time, one finds nothing to delete.
  const spent = await session.query
    .delete(accountLinks)
    .where(eq(accountLinks.tokenSha256, digestOf(token)))
    .returning({ tokenSha256: accountLinks.tokenSha256 });
  if (spent.length === 0) throw failure({ code: "invitation_invalid" });
}
