import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, lt } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";
import type { UserRow } from "./user.ts";

const TOKEN_BYTES = 24;
const HOUR_MS = 60 * 60_000;

/** The most days for which an invitation is valid. */
export const INVITATION_DAYS_MAX = 90;

/**
 * A link by which somebody makes an account, or sets a new password. The token is shown once, and
 * stored only as its digest.
 */
export interface AccountLink {
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Makes the token of a link. It is of no use until it is stored. It is in hex, because a token that
 * begins with a hyphen would be an option on a command line, and chats take underscores for markup.
 */
export function newAccountLink(now: Date, hours: number): AccountLink {
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  return { token, expiresAt: new Date(now.getTime() + hours * HOUR_MS) };
}

/** Returns the address at which the owner of an account sets a new password. */
export function resetAddress(base: string, token: string): string {
  return `${base}/reset?token=${token}`;
}

/** Returns the address at which somebody makes an account with an invitation. */
export function invitationAddress(base: string, token: string): string {
  return `${base}/register?invitation=${token}`;
}

function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

async function storeLink(
  { query, tables: { accountLinks } }: DbSession,
  { token, expiresAt }: AccountLink,
  row: Omit<typeof accountLinks.$inferInsert, "tokenSha256" | "expiresAt">,
): Promise<void> {
  await query.delete(accountLinks).where(lt(accountLinks.expiresAt, row.createdAt));
  await query.insert(accountLinks).values({ ...row, tokenSha256: digestOf(token), expiresAt });
}

/**
 * Makes an invitation to make one account, also where registration is closed. With `email`, only
 * that address may use it.
 */
export async function inviteAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  { email, days }: { readonly email: string | undefined; readonly days: number },
): Promise<AccountLink> {
  const now = clock();
  const link = newAccountLink(now, days * 24);
  await db.write(async (session) => {
    await storeLink(session, link, { kind: "invitation", email: email ?? null, createdAt: now });
    const details = { expiresAt: link.expiresAt.toISOString() };
    await recordEvent(session, origin, "account.invited", now, { details });
  });
  return link;
}

/**
 * Finds an invitation that may still be used, with the only address that may use it; null for any.
 * Whoever has the token may know the address.
 */
export async function findOpenInvitation(
  { query, tables: { accountLinks } }: DbSession,
  token: string,
  now: Date,
): Promise<{ readonly email: string | null } | undefined> {
  const isThis = and(eq(accountLinks.tokenSha256, digestOf(token)), eq(accountLinks.kind, "invitation"));
  const [found] = await query
    .select({ email: accountLinks.email })
    .from(accountLinks)
    .where(and(isThis, gt(accountLinks.expiresAt, now)));
  return found;
}

/**
 * Checks an invitation that may be used for an address, without using it. Throws
 * `invitation_invalid`.
 */
export async function requireInvitation(session: DbSession, token: string, email: string, now: Date): Promise<void> {
  const found = await findOpenInvitation(session, token, now);
  const isForThem = found?.email === null || foldIdentity(found?.email ?? "") === foldIdentity(email);
  if (found === undefined || !isForThem) throw failure({ code: "invitation_invalid" });
}

/** Uses up an invitation in the transaction that makes the account. Throws `invitation_invalid`. */
export async function spendInvitation(session: DbSession, token: string, email: string, now: Date): Promise<void> {
  await requireInvitation(session, token, email, now);
  // Of two registrations at the same time, one finds nothing to delete.
  if (!(await deleteLink(session, token))) throw failure({ code: "invitation_invalid" });
}

async function deleteLink({ query, tables: { accountLinks } }: DbSession, token: string): Promise<boolean> {
  const deleted = await query
    .delete(accountLinks)
    .where(eq(accountLinks.tokenSha256, digestOf(token)))
    .returning({ tokenSha256: accountLinks.tokenSha256 });
  return deleted.length > 0;
}

/**
 * Stores a link by which the owner of an account sets a new password. It replaces an older one. The
 * caller holds the lock of the account, or makes the account in this transaction.
 */
export async function storeResetLink(session: DbSession, userId: string, link: AccountLink, now: Date): Promise<void> {
  await endResetLinks(session, userId);
  await storeLink(session, link, { kind: "reset", userId, createdAt: now });
}

/** Ends the links by which the password of an account can be set. */
export async function endResetLinks({ query, tables: { accountLinks } }: DbSession, userId: string): Promise<void> {
  await query.delete(accountLinks).where(and(eq(accountLinks.userId, userId), eq(accountLinks.kind, "reset")));
}

/**
 * Finds the account whose password a link sets, without using the link. Undefined for a link that is
 * unknown, used, replaced or expired.
 */
export async function findByResetLink(
  { query, tables: { accountLinks, users } }: DbSession,
  token: string,
  now: Date,
): Promise<UserRow | undefined> {
  const isThis = and(eq(accountLinks.tokenSha256, digestOf(token)), eq(accountLinks.kind, "reset"));
  const [found] = await query
    .select({ user: users })
    .from(accountLinks)
    .innerJoin(users, eq(users.id, accountLinks.userId))
    .where(and(isThis, gt(accountLinks.expiresAt, now)));
  return found?.user;
}

/** Does the same as `findByResetLink`. Throws `reset_link_invalid` for a link that cannot be used. */
export async function requireByResetLink(session: DbSession, token: string, now: Date): Promise<UserRow> {
  const user = await findByResetLink(session, token, now);
  if (user === undefined) throw failure({ code: "reset_link_invalid" });
  return user;
}

/**
 * Uses up the link to the account that `findByResetLink` found, and whose lock the caller holds.
 * Throws `reset_link_invalid` if it ended meanwhile.
 */
export async function spendResetLink(session: DbSession, token: string, now: Date): Promise<UserRow> {
  const user = await requireByResetLink(session, token, now);
  // Of two uses at the same time, one finds nothing to delete.
  if (!(await deleteLink(session, token))) throw failure({ code: "reset_link_invalid" });
  return user;
}
