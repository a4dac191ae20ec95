import { ROLE_NAMES, ROLES, type Role, type RoleName } from "./permission-roles.ts";

/* The answers of a route to each role, by kind of route, as tables. */

/** A success status, or the status and the code of a refusal. */
export type Result = number | `${4 | 5}${number} ${string}`;
export type Results = Readonly<Record<RoleName, Result>>;

function results(resultOf: (role: Role) => Result): Results {
  return Object.fromEntries(ROLE_NAMES.map((name) => [name, resultOf(ROLES[name])])) as Results;
}

/** The results of a route that needs a credential. */
function proved(resultOf: (role: Role) => Result): Results {
  return results((role) => {
    if (role.proof === "disabled") return "403 account_disabled";
    return role.proof === "good" ? resultOf(role) : "401 unauthenticated";
  });
}

/** For everybody. Credentials are ignored. */
export const open = (good: Result) => results(() => good);

/** For every account, and for its tokens with any scope. */
export const account = (good: Result) => proved(() => good);

/** For every account, and for its tokens with this scope. */
export const accountWith = (scope: string, good: Result) =>
  proved(({ scopes }) => (scopes?.includes(scope) === false ? "403 insufficient_scope" : good));

/** For every account with a password session. */
export const session = (good: Result) => proved(({ scopes }) => (scopes === undefined ? good : "403 session_required"));

/**
 * For every account with a password session, and for tokens for all packages. The tokens of the
 * roles are for some.
 */
export const readingAll = (good: Result) =>
  proved(({ scopes }) => (scopes === undefined ? good : "403 insufficient_scope"));

/** For administrators with a password session. */
export const admin = (good: number) =>
  proved(({ scopes, person }) => {
    if (scopes !== undefined) return "403 session_required";
    return person === "admin" ? good : "403 admin_only";
  });

const isOwner = ({ person }: Role) => person === "owner" || person === "other";

const may = ({ scopes, isForOthers }: Role, scope: string) =>
  scopes === undefined || (scopes.includes(scope) && isForOthers !== true);

/** For every account, and for tokens with this scope that cover the package. */
export const scoped = (good: number, scope: string) =>
  proved((role) => (may(role, scope) ? good : "403 insufficient_scope"));

/** For owners, and for their tokens with this scope that cover the package. */
export const owned = (good: number, scope: string) =>
  proved((role) => {
    if (!may(role, scope)) return "403 insufficient_scope";
    return isOwner(role) ? good : "403 not_an_owner";
  });

/** For owners with a password session. */
export const ownedBySession = (good: number) =>
  proved((role) => {
    if (role.scopes !== undefined) return "403 session_required";
    return isOwner(role) ? good : "403 not_an_owner";
  });

/** For owners and administrators with a password session. */
export const ownedOrAdmin = (good: number) => {
  const byOwners = ownedBySession(good);
  return { ...byOwners, admin: good };
};

/**
 * With READ_ACCESS=authenticated: a package that a token does not cover looks missing, and lists
 * leave it out.
 */
export const reading = (good: Result, elsewhere: Result = "404 package_not_found", further = account(good)) => {
  const first = proved(({ scopes, isForOthers }) => {
    if (scopes !== undefined && !scopes.includes("read")) return "403 insufficient_scope";
    return isForOthers === true ? elsewhere : good;
  });
  return Object.fromEntries(
    ROLE_NAMES.map((name) => [name, first[name] === good ? further[name] : first[name]]),
  ) as Results;
};
