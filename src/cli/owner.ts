import { ownAccount } from "../client/account.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ClientFault } from "../client/client-fault.ts";
import { each, getDocument, members } from "../client/document-shape.ts";
import { isActive, packageKeys } from "../client/package-keys.ts";
import { packagePath } from "../client/package-spec.ts";
import { storedKeys } from "../client/stored-keys.ts";
import { foldIdentity } from "../domain/identity.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { suggestingNames } from "./name-hint.ts";

/** The owners of a package and who is invited, as the API shows them. */
export interface OwnersDocument {
  readonly items: readonly { readonly username: string; readonly since: string }[];
  readonly invitations: readonly {
    readonly username: string;
    readonly invitedBy: string;
    readonly createdAt: string;
    readonly expiresAt: string;
  }[];
}

const OWNERS = members({
  items: each(members({ username: "string", since: "string" })),
  invitations: each(members({ username: "string", invitedBy: "string", createdAt: "string", expiresAt: "string" })),
});

/** Returns the owners of a package. If there is no such package, the failure has similar names. */
export function ownersOf(client: ApiClient, name: string): Promise<OwnersDocument> {
  return suggestingNames(client, name, () => getDocument(client, `${packagePath(name)}/owners`, OWNERS));
}

/** User names compare without case. */
export function isAmong(people: readonly { readonly username: string }[], username: string): boolean {
  return people.some((each) => foldIdentity(each.username) === foldIdentity(username));
}

/** Lists the owners of a package, and who is invited. */
export async function ownerList(given: Partial<ClientOptions>, name: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const owners = await ownersOf(client, name);
  const rows = [
    ...owners.items.map(({ username, since }) => [username, "owner", since.slice(0, 10), ""]),
    ...owners.invitations.map(({ username, invitedBy, createdAt, expiresAt }) => {
      return [username, "invited", createdAt.slice(0, 10), `by ${invitedBy}, until ${expiresAt.slice(0, 10)}`];
    }),
  ];
  context.answer(owners, rowsText(context, ["USER", "IS", "SINCE", ""], rows));
  return 0;
}

/** Invites an account to own a package. */
export async function ownerInvite(given: Partial<ClientOptions>, name: string, username: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const { items } = await ownersOf(client, name);
  if (isAmong(items, username)) {
    context.answer({ items }, `${username} is an owner of ${name} already.`);
    return 0;
  }
  await confirm(context, `Invite ${username} to own ${name}? An owner can publish, yank and remove other owners.`);
  const owners = await put(client, name, username);
  const text = `${username} is invited for 30 days, and accepts with: cpm-registry owner accept ${name}
To sign, ${username} needs a key that the package knows: cpm-registry key request --package ${name}`;
  context.answer(owners, text);
  return 0;
}

/** Accepts an invitation. */
export async function ownerAccept(given: Partial<ClientOptions>, name: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const { username } = await ownAccount(client);
  const owners = await suggestingNames(client, name, () => put(client, name, username)).catch(
    async (cause: unknown) => {
      throw await withoutInvitation(cause, client, name, username);
    },
  );
  context.answer(owners, `You own ${name}. ${await keyState(context, client, name)}`);
  return 0;
}

/** Whoever has no invitation learns who can give one, and how. */
async function withoutInvitation(cause: unknown, client: ApiClient, name: string, username: string): Promise<unknown> {
  if (!(cause instanceof ClientFault) || cause.problem.code !== "not_an_owner") return cause;
  const { items } = await ownersOf(client, name);
  const detail = `${username} is not invited to own ${name}, or the invitation has expired.
Ask one of its owners (${items.map((each) => each.username).join(", ")}) to run: cpm-registry owner invite ${name} ${username}`;
  return new ClientFault(cause.kind, { ...cause.problem, detail });
}

async function keyState({ home }: ClientContext, client: ApiClient, name: string): Promise<string> {
  const pinned = await packageKeys(client, name);
  const own = (await storedKeys(home.keysDirectory)).find(({ publicKey }) => isActive(pinned, publicKey));
  return own === undefined
    ? `To publish it, one of its keys has to let yours in: cpm-registry key request --package ${name}`
    : `Your key ${own.name} may sign it.`;
}

async function put(client: ApiClient, name: string, username: string): Promise<OwnersDocument> {
  const path = ownerPath(name, username);
  return (await client.request<OwnersDocument>({ method: "PUT", path, isRepeatable: true })).body;
}

/** Returns the path of an owner in the API. */
export function ownerPath(name: string, username: string): string {
  return `${packagePath(name)}/owners/${encodeURIComponent(username)}`;
}
