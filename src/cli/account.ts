import { hostname } from "node:os";
import { TOKEN_SCOPES } from "../accounts/actor.ts";
import {
  type Invitation,
  makeCredential,
  openInvitations,
  ownAccount,
  registerAccount,
  requireRegistry,
  type Session,
  resetPassword as setPassword,
  type TokenWish,
  withSession,
} from "../client/account.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ClientFault, clientFault } from "../client/client-fault.ts";
import type { Credential, StoredLogin } from "../client/credentials.ts";
import { requireKeychain } from "../client/keychain.ts";
import {
  addressOf,
  apiClient,
  apiClientOf,
  type ClientContext,
  type ClientOptions,
  clientContext,
} from "./client-context.ts";
import { faultText } from "./client-failure.ts";
import { withLogin } from "./password-login.ts";
import { daysOf, scopesOf } from "./token-wish.ts";

const PASSWORD_MIN_CHARS = 10;
const LABEL_MAX_CHARS = 100;

/** Options of `register`. */
export interface RegisterOptions extends Partial<ClientOptions> {
  readonly username: string | undefined;
  readonly email: string | undefined;
  readonly invitation?: string | undefined;
  readonly "password-stdin": boolean;
}

/** Options of `login`. */
export interface LoginOptions extends Partial<ClientOptions> {
  readonly username: string | undefined;
  readonly "password-stdin": boolean;
  readonly "token-stdin": boolean;
  readonly keychain: boolean;
  readonly scope: readonly string[];
  readonly expires: string;
}

/** Options of `reset-password`. */
export interface ResetOptions extends Partial<ClientOptions> {
  readonly token: string | undefined;
  readonly "password-stdin": boolean;
}

const USERNAME = { text: "User name", flag: "--username <name>" } as const;
const EMAIL = { text: "E-mail", flag: "--email <address>" } as const;

/** Makes the account. Returns the refusal, and the field that another answer may mend. */
async function refusedField(client: ApiClient, account: Parameters<typeof registerAccount>[1]) {
  try {
    await registerAccount(client, account);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof ClientFault)) throw cause;
    const { code, errors = [] } = cause.problem;
    const wrong = (name: string) => code.startsWith(`${name}_`) || errors.some(({ path }) => path === `/${name}`);
    return { cause, field: (["username", "email"] as const).find(wrong) };
  }
}

/** Makes an account and logs in to it. */
export async function register(given: RegisterOptions, registry: string | undefined): Promise<number> {
  const context = clientContext(given);
  const { prompt } = context;
  const { invitation } = given;
  const client = apiClientOf(context, await addressOf(context, registry), undefined);
  if (prompt.isInteractive) await requireRegistry(client);
  let username = given.username ?? (await prompt.ask(USERNAME));
  let email = given.email ?? (await prompt.ask(EMAIL));
  const password = await newPassword(context, given["password-stdin"]);
  for (;;) {
    const refused = await refusedField(client, { username, email, password, invitation });
    if (refused === undefined) break;
    if (!prompt.isInteractive || refused.field === undefined) throw refused.cause;
    prompt.note(faultText(refused.cause.problem));
    if (refused.field === "username") username = await prompt.ask(USERNAME);
    else email = await prompt.ask(EMAIL);
  }
  const plan = { wish: wishOf([], "90"), inKeychain: false, what: `Account ${username} is registered` };
  return withSession(client, { username, password }, async (session) =>
    answerLogin(context, client, await keepNewToken(context, session, plan), plan.what),
  );
}

/** Sets a new password with the token of a reset link, and logs in with it. */
export async function resetPassword(given: ResetOptions, registry: string | undefined): Promise<number> {
  const context = clientContext(given);
  const { prompt, credentials } = context;
  const client = apiClientOf(context, await addressOf(context, registry), undefined);
  const inKeychain = (await credentials.of(client.address.origin))?.keychain === true;
  if (inKeychain) await requireKeychain();
  if (prompt.isInteractive) await requireRegistry(client);
  const asked = { text: "Token of the link, or the whole link", flag: "--token <token>" };
  const token = tokenOfLink(given.token ?? (await prompt.askSecret(asked)));
  const password = await newPassword(context, given["password-stdin"]);
  const { username } = await setPassword(client, { token, password });
  const plan = { wish: wishOf([], "90"), inKeychain, what: `The new password of ${username} is set` };
  return withSession(client, { username, password }, async (session) =>
    answerLogin(context, client, await keepNewToken(context, session, plan), plan.what),
  );
}

/** People copy the whole link. */
function tokenOfLink(given: string): string {
  return URL.parse(given.trim())?.searchParams.get("token") ?? given.trim();
}

async function newPassword({ prompt }: ClientContext, fromStdin: boolean): Promise<string> {
  const flag = "--password-stdin";
  if (fromStdin) return prompt.readSecret("Password");
  for (;;) {
    const text = `Password (at least ${PASSWORD_MIN_CHARS} characters)`;
    const password = await prompt.askSecret({ text, flag });
    if ([...password].length < PASSWORD_MIN_CHARS)
      prompt.note("That is too short. Several words in a row are easy to remember.");
    else if ((await prompt.askSecret({ text: "Password again", flag })) === password) return password;
    else prompt.note("The two passwords differ. Type it again.");
  }
}

/** Logs in with a password or a token, and keeps an API token. */
export async function login(given: LoginOptions, registry: string | undefined): Promise<number> {
  const context = clientContext(given);
  const wish = wishOf(given.scope, given.expires);
  const client = apiClientOf(context, await addressOf(context, registry), undefined);
  const inKeychain = given.keychain || (await context.credentials.of(client.address.origin))?.keychain === true;
  if (inKeychain) await requireKeychain();
  if (given["token-stdin"]) return keepToken(context, client, inKeychain);
  const plan = { wish, inKeychain, what: "Logged in" };
  return withLogin(context, client, { ...given, offersOther: true }, async (session) => {
    const code = await answerLogin(context, client, await keepNewToken(context, session, plan), plan.what);
    noteInvitations(context, await openInvitations(session.client));
    return code;
  });
}

function noteInvitations({ prompt }: ClientContext, invitations: readonly Invitation[] = []): void {
  for (const { package: name, invitedBy } of invitations)
    prompt.note(`${invitedBy} invites you to own ${name}. To accept: cpm-registry owner accept ${name}`);
}

interface LoginPlan {
  readonly wish: TokenWish;
  readonly inKeychain: boolean;
  /** What the answer begins with. */
  readonly what: string;
}

async function keepNewToken(
  { credentials }: ClientContext,
  session: Session,
  { wish, inKeychain }: LoginPlan,
): Promise<Credential> {
  const { origin } = session.client.address;
  const before = await credentials.of(origin);
  const credential = await makeCredential(session, wish);
  try {
    await credentials.save(origin, credential, inKeychain);
  } catch (cause) {
    // Nobody has the token now, so nobody should be able to use it.
    await revokeToken(session, credential);
    throw cause;
  }
  await revokeToken(session, before);
  return credential;
}

/** Revokes the token that the last login left, which this one replaces. */
async function revokeToken({ client, account }: Session, former: StoredLogin | undefined): Promise<void> {
  if (former?.tokenId === undefined || former.username !== account.username) return;
  const path = `/api/auth/tokens/${encodeURIComponent(former.tokenId)}`;
  await client.request({ method: "DELETE", path, accepts: [404] });
}

async function keepToken(context: ClientContext, client: ApiClient, inKeychain: boolean): Promise<number> {
  const token = (await context.prompt.readSecret("Token")).trim();
  const { username } = await ownAccount(client.withToken(token));
  const credential = { token, username };
  await context.credentials.save(client.address.origin, credential, inKeychain);
  return answerLogin(context, client, credential, "Logged in");
}

async function answerLogin(context: ClientContext, { address }: ApiClient, credential: Credential, what: string) {
  const { home, settings } = context;
  const { registry } = await home.config();
  if (registry === undefined) await home.updateConfig((config) => ({ ...config, registry: address.url }));
  const { username, expiresAt = null, label = null } = credential;
  const until = expiresAt === null ? "" : ` until ${expiresAt.slice(0, 10)}`;
  const stored = await context.credentials.of(address.origin);
  const from = stored?.keychain === true ? "keychain" : "file";
  context.answer(
    { registry: address.url, username, token: { from, label, expiresAt } },
    `${what}; you are ${username} at ${address.url}${until}.${from === "file" ? "" : " The token is in the keychain."}`,
  );
  if (settings.token !== undefined) context.prompt.note("CPM_API_TOKEN is set; commands use it, and not this login.");
  if (registry !== undefined && registry !== address.url) {
    const change = `cpm-registry config set registry ${address.url}`;
    context.prompt.note(`Commands use ${registry} unless --registry names another. To change that: ${change}`);
  }
  return 0;
}

function wishOf(scopes: readonly string[], expires: string): TokenWish {
  const given = scopesOf(scopes);
  const label = `cpm on ${hostname()}`.replace(/[^\x20-\x7e]/g, "?").slice(0, LABEL_MAX_CHARS);
  return { label, scopes: given.length === 0 ? TOKEN_SCOPES : given, expiresInDays: daysOf(expires) };
}

/** Forgets the token of a registry, and revokes it there unless `local`. */
export async function logout(
  given: Partial<ClientOptions> & { local: boolean },
  registry: string | undefined,
): Promise<number> {
  const context = clientContext(given);
  const { credentials } = context;
  const address = await addressOf(context, registry);
  const credential = await credentials.of(address.origin);
  if (credential === undefined) {
    context.answer({ registry: address.url, loggedOut: false }, `You are not logged in at ${address.url}.`);
    return 0;
  }
  if (!given.local) await revoke(apiClientOf(context, address, await credentials.tokenOf(address.origin)));
  const left = await credentials.remove(address.origin, given.local);
  if (left !== undefined) context.prompt.note(left);
  const how = given.local ? "The token stays valid until it expires" : "The token is revoked";
  context.answer({ registry: address.url, loggedOut: true }, `Logged out of ${address.url}. ${how}.`);
  return 0;
}

/** A token that the registry does not know any more is as good as revoked. */
async function revoke(client: ApiClient): Promise<void> {
  await client.request({ method: "POST", path: "/api/auth/logout", accepts: [401], isRepeatable: true });
}

/** Prints whose token the commands use, and what its account is invited to own. */
export async function whoami(given: Partial<ClientOptions>): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  if (!client.hasToken) {
    const detail = `You are not logged in at ${client.address.url}. Log in: cpm-registry login`;
    throw clientFault("denied", "client_not_logged_in", detail);
  }
  const [{ username, email, role }, invitations] = await Promise.all([ownAccount(client), openInvitations(client)]);
  const stored = context.settings.token === undefined ? await context.credentials.of(client.address.origin) : undefined;
  const login = stored?.keychain === true ? "the keychain" : "login";
  const token = context.settings.token === undefined ? login : "CPM_API_TOKEN";
  const expiresAt = stored?.expiresAt ?? null;
  const until = expiresAt === null ? "" : `, until ${expiresAt.slice(0, 10)}`;
  context.answer(
    {
      registry: client.address.url,
      username,
      email,
      role,
      token: { from: token, expiresAt },
      invitations: invitations ?? null,
    },
    `${username} at ${client.address.url} (token from ${token}${until})`,
  );
  noteInvitations(context, invitations);
  return 0;
}
