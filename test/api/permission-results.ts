import { ROLE_NAMES, ROLES, type Role, type RoleName } from "./permission-roles.ts";

/* What a route answers to each role, by the kind of route: http-api.md and trust.md §3, §6, as tables. */

/** A good status, or the status and the code of a refusal. */
export type Result = number | `${4 | 5}${number} ${string}`;
export type Results = Readonly<Record<RoleName, Result>>;

function results(resultOf: (role: Role) => Result): Results {
  return Object.fromEntries(ROLE_NAMES.map((name) => [name, resultOf(ROLES[name])])) as Results;
}

/** The results of a route for which somebody has to prove who they are. */
function proved(resultOf: (role: Role) => Result): Results {
  return results((role) => {
    if (role.proof === "disabled") return "403 account_disabled";
    return role.proof === "good" ? resultOf(role) : "401 unauthenticated";
  });
}

/** For everybody; what they send to prove who they are is not looked at. */
export const open = (good: Result) => results(() => good);

/** For every account, also with a token, whatever it may do. */
export const account = (good: Result) => proved(() => good);

/** For every account with a password session. */
export const session = (good: Result) => proved(({ scopes }) => (scopes === undefined ? good : "403 session_required"));

/** For every account with a password session, and for tokens that mean every package; those of the roles mean some. */
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

/** For every account, and for tokens with this scope that mean the package. */
export const scoped = (good: number, scope: string) =>
  proved((role) => (may(role, scope) ? good : "403 insufficient_scope"));

/** For owners, and for their tokens with this scope that mean the package. */
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

/** Where READ_ACCESS closes reads: what a token does not mean looks as if it were not there; lists leave it out. */
export const reading = (good: Result, elsewhere: Result = "404 package_not_found", further = account(good)) => {
  const first = proved(({ scopes, isForOthers }) => {
    if (scopes !== undefined && !scopes.includes("read")) return "403 insufficient_scope";
    return isForOthers === true ? elsewhere : good;
  });
  return Object.fromEntries(
    ROLE_NAMES.map((name) => [name, first[name] === good ? further[name] : first[name]]),
  ) as Results;
};
