import { and, asc, eq, gt, isNotNull, or, type SQL, sql } from "drizzle-orm";
import type { Tables } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { placeholderEmail, type User, type UserRow } from "./user.ts";

/** The longest text to look for: an e-mail address. */
const SOUGHT_MAX_CHARS = 254;

/** Which accounts a list has. */
export const ACCOUNT_KINDS = ["all", "admins", "disabled"] as const;

/** One of `ACCOUNT_KINDS`. */
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

/** The requested part of the list of accounts. */
export interface AccountsAsked {
  /** A part of a user name or e-mail address; empty for all. */
  readonly sought: string;
  readonly kind: AccountKind;
  /** The user name after which the part begins; empty from the beginning. */
  readonly after: string;
  readonly limit: number;
}

/**
 * What an account is. `placeholder` is one that `log recover` made and that has no address of a
 * person; `forgotten` keeps nothing but its name.
 */
export type AccountState = "enabled" | "disabled" | "forgotten" | "placeholder";

/** An account as administrators see it. */
export interface AccountView extends User {
  readonly state: AccountState;
  /** From when on it is disabled; null for an account in use. */
  readonly disabledAt: string | null;
}

/** A part of the list, and the user name from which to continue; null at the end. */
export interface AccountList {
  readonly items: readonly AccountView[];
  readonly next: string | null;
}

/** Makes the view of an account for administrators. */
export function accountView(row: UserRow): AccountView {
  const { id, username, email, role, createdAt, disabledAt } = row;
  const times = { createdAt: createdAt.toISOString(), disabledAt: disabledAt?.toISOString() ?? null };
  return { id, username, email, role, state: stateOf(row), ...times };
}

function stateOf({ id, email, disabledAt, forgottenAt }: UserRow): AccountState {
  if (forgottenAt !== null) return "forgotten";
  if (disabledAt !== null) return "disabled";
  return email === placeholderEmail(id) ? "placeholder" : "enabled";
}

/** The wildcards of `LIKE` are escaped: `_` is a letter of many names. */
function contains({ usernameFolded, emailFolded }: Tables["users"], sought: string): SQL | undefined {
  const folded = foldIdentity(sought.slice(0, SOUGHT_MAX_CHARS)).replaceAll("\0", "");
  if (folded === "") return undefined;
  const pattern = `%${folded.replaceAll(/[%_!]/g, "!$&")}%`;
  return or(sql`${usernameFolded} LIKE ${pattern} ESCAPE '!'`, sql`${emailFolded} LIKE ${pattern} ESCAPE '!'`);
}

function isOfKind({ role, disabledAt }: Tables["users"], kind: AccountKind): SQL | undefined {
  if (kind === "admins") return eq(role, "admin");
  return kind === "disabled" ? isNotNull(disabledAt) : undefined;
}

/** Lists accounts by user name, for administrators. */
export async function listAccounts(
  { db }: Pick<Deps, "db">,
  { sought, kind, after, limit }: AccountsAsked,
): Promise<AccountList> {
  const rows = await db.read(({ query, tables: { users } }) => {
    const isLater = after === "" ? undefined : gt(users.usernameFolded, foldIdentity(after).replaceAll("\0", ""));
    return query
      .select()
      .from(users)
      .where(and(contains(users, sought), isOfKind(users, kind), isLater))
      .orderBy(asc(users.usernameFolded))
      .limit(limit + 1);
  });
  const items = rows.slice(0, limit).map(accountView);
  return { items, next: rows.length > limit ? (items.at(-1)?.username ?? null) : null };
}
