import { and, eq } from "drizzle-orm";
import { isId } from "../accounts/account-id.ts";
import { placeholderEmail, type UserRow } from "../accounts/user.ts";
import { NOBODY, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import { foldIdentity } from "../domain/identity.ts";
import { usernameSkeletonOf } from "../domain/similar-names.ts";
import { isUsername } from "../domain/username.ts";
import type { LeafDetails } from "../log/leaf-details.ts";
import { keyIdOf } from "../signing/verify-archive.ts";

/** The publisher of versions whose details name none: they were published by an older program. */
const UNKNOWN = { id: "00000000-0000-4000-8000-000000000000", username: "unknown-publisher" } as const;
const NAMES_TRIED = 100;

/** An account that stands in for one that the database lacks. */
export interface Placeholder {
  readonly username: string;
  /** The name of the account that published. It differs where somebody else has this name now. */
  readonly publishedAs: string;
}

/**
 * Finds the account that published a version, or makes a placeholder for it with the same id. A
 * placeholder has the name, no address that exists and a password that nobody knows: `admin
 * reset-password` hands it over. `passwordHash` is the hash of a text that was thrown away.
 */
export async function publisherOf(
  session: DbSession,
  { publisher }: LeafDetails,
  { publicKey, passwordHash, now }: { readonly publicKey: string; readonly passwordHash: string; readonly now: Date },
): Promise<{ readonly user: UserRow; readonly placeholder: Placeholder | undefined }> {
  const { query, tables } = session;
  // Nobody signs the name, so it may be one that no account can have.
  const told = publisher !== undefined && isUsername(publisher.username) ? publisher : undefined;
  const wanted = told ?? (await holderOf(session, publicKey)) ?? UNKNOWN;
  const id = isId(wanted.id) ? wanted.id : UNKNOWN.id;
  const [known] = await query.select().from(tables.users).where(eq(tables.users.id, id));
  if (known !== undefined) return { user: known, placeholder: undefined };
  const username = await freeName(session, wanted.username);
  const email = placeholderEmail(id);
  const skeleton = usernameSkeletonOf(username);
  const isAlike = await query.$count(tables.users, eq(tables.users.usernameSkeleton, skeleton));
  const folded = {
    usernameFolded: foldIdentity(username),
    usernameSkeleton: isAlike > 0 ? null : skeleton,
    emailFolded: foldIdentity(email),
  };
  const row = { id, username, email, ...folded, passwordHash, role: "user" as const, createdAt: now };
  const [user] = await query.insert(tables.users).values(row).returning();
  if (user === undefined) throw new Error("A placeholder was not inserted");
  const details = { username, role: "user", recovered: true };
  await recordEvent(session, NOBODY, "account.created", now, { details });
  return { user, placeholder: { username, publishedAs: wanted.username } };
}

/** Finds an account with a key, for versions whose details name no publisher. */
async function holderOf({ query, tables: { accountKeys, users } }: DbSession, publicKey: string) {
  const [holder] = await query
    .select({ id: users.id, username: users.username })
    .from(accountKeys)
    .innerJoin(users, eq(users.id, accountKeys.userId))
    .where(eq(accountKeys.publicKey, publicKey))
    .orderBy(accountKeys.id)
    .limit(1);
  return holder;
}

/** Returns the name, or another one like it where somebody has taken it since. */
async function freeName({ query, tables: { users } }: DbSession, name: string): Promise<string> {
  for (let tried = 1; tried <= NAMES_TRIED; tried += 1) {
    const candidate = tried === 1 ? name : `${name}-recovered${tried === 2 ? "" : `-${tried - 1}`}`;
    const taken = await query.$count(users, eq(users.usernameFolded, foldIdentity(candidate)));
    if (taken === 0) return candidate;
  }
  throw new Error("No name is free for a recovered account");
}

/**
 * Registers the key of a recovered version for its publisher, who could otherwise not publish with
 * it. A key that the account has is left as it is, also if it is retired.
 */
export async function registerRecoveredKey(session: DbSession, { id, username }: UserRow, publicKey: string, at: Date) {
  const { query, tables } = session;
  const { accountKeys } = tables;
  const isKnown = and(eq(accountKeys.userId, id), eq(accountKeys.publicKey, publicKey));
  if ((await query.$count(accountKeys, isKnown)) > 0) return;
  await query
    .insert(accountKeys)
    .values({ userId: id, publicKey, label: "recovered from the log", createdAt: at, retiredAt: null });
  const details = { keyId: keyIdOf(publicKey), publicKey, username, recovered: true };
  await recordEvent(session, NOBODY, "key.registered", at, { details });
}
