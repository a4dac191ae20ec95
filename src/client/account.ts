import type { TokenScope } from "../accounts/actor.ts";
import type { TokenView } from "../tokens/token-view.ts";
import type { ApiClient } from "./api-client.ts";
import { ClientFault } from "./client-fault.ts";
import type { Credential } from "./credentials.ts";
import { each, getDocument, members } from "./document-shape.ts";
import { PACKAGE_LIST } from "./registry-documents.ts";

/** An account as the API shows it. */
export interface Account {
  readonly username: string;
  readonly email: string;
  readonly role: string;
  readonly createdAt: string;
}

/** What a token that `login` makes may do, and for how long. */
export interface TokenWish {
  readonly label: string;
  readonly scopes: readonly TokenScope[];
  readonly expiresInDays: number;
}

/** A user name, or an e-mail address, and its password. */
export interface PasswordLogin {
  readonly username: string;
  readonly password: string;
}

/** Throws unless a registry answers at the client's address. A private one may want a login. */
export async function requireRegistry(client: ApiClient): Promise<void> {
  try {
    await getDocument(client.withToken(undefined), "/api/packages?pageSize=1", PACKAGE_LIST);
  } catch (cause) {
    if (!(cause instanceof ClientFault) || cause.problem.code !== "unauthenticated") throw cause;
  }
}

/** Makes an account. Throws with the registry's words, such as `username_taken`. */
export async function registerAccount(
  client: ApiClient,
  account: PasswordLogin & { readonly email: string; readonly invitation?: string | undefined },
): Promise<Account> {
  return (await client.send<{ readonly user: Account }>("POST", "/api/auth/register", account)).user;
}

/** Sets a new password with the token of a reset link. Throws with the registry's words. */
export async function resetPassword(
  client: ApiClient,
  reset: { readonly token: string; readonly password: string },
): Promise<Account> {
  return (await client.send<{ readonly user: Account }>("POST", "/api/auth/reset", reset)).user;
}

/** Returns the account of the client's token. */
export async function ownAccount(client: ApiClient): Promise<Account> {
  return (await client.get<{ readonly user: Account }>("/api/auth/me")).user;
}

/** A client with a session, and the account that it belongs to. */
export interface Session {
  readonly client: ApiClient;
  readonly account: Account;
}

/**
 * Logs in for the time of `work`. The session ends whatever happens, because it may change keys and
 * is never kept.
 */
export async function withSession<T>(
  client: ApiClient,
  login: PasswordLogin,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const answer = await client
    .withToken(undefined)
    .send<{ readonly token: string; readonly user: Account }>("POST", "/api/auth/login", login);
  const session = client.withToken(answer.token);
  try {
    return await work({ client: session, account: answer.user });
  } finally {
    // A session that cannot be ended now expires by itself.
    await session.send("POST", "/api/auth/logout").catch(() => undefined);
  }
}

/** An invitation to own a package. */
export interface Invitation {
  readonly package: string;
  readonly invitedBy: string;
  readonly expiresAt: string;
}

const INVITATIONS = members({
  items: each(members({ package: "string", invitedBy: "string", expiresAt: "string" })),
});

/**
 * Lists the packages that the account is invited to own. Undefined where the registry does not say,
 * as to a token without the scope `owners`: the list is only a hint, and not worth a failure.
 */
export async function openInvitations(client: ApiClient): Promise<readonly Invitation[] | undefined> {
  type List = { readonly items: readonly Invitation[] };
  const list = await getDocument<List>(client, "/api/auth/invitations", INVITATIONS).catch(() => undefined);
  return list?.items.map(({ package: name, invitedBy, expiresAt }) => ({ package: name, invitedBy, expiresAt }));
}

/** Makes an API token with a session. */
export async function makeCredential({ client, account }: Session, wish: TokenWish): Promise<Credential> {
  const made = await client.send<TokenView & { readonly token: string }>("POST", "/api/auth/tokens", wish);
  const { token, id, label, expiresAt } = made;
  return { token, tokenId: id, username: account.username, label, expiresAt };
}
