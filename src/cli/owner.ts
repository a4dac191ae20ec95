import { ownAccount } from "../client/account.ts";
import type { ApiClient } from "../client/api-client.ts";
import { each, getDocument, members } from "../client/document-shape.ts";
import { packagePath } from "../client/package-spec.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { suggestingNames } from "./name-hint.ts";

interface OwnersDocument {
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

interface OwnerRemovedDocument extends OwnersDocument {
  readonly keys: readonly { readonly keyId: string; readonly publicKey: string }[];
}

/** Lists the owners of a package, and who is invited. */
export async function ownerList(given: Partial<ClientOptions>, name: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const owners = await suggestingNames(client, name, () =>
    getDocument<OwnersDocument>(client, `${packagePath(name)}/owners`, OWNERS),
  );
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
  await confirm(context, `Invite ${username} to own ${name}? An owner can publish, yank and remove other owners.`);
  const owners = await suggestingNames(client, name, () => put(client, name, username));
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
  const owners = await suggestingNames(client, name, () => put(client, name, username));
  const text = `You own ${name}. To publish it, one of its keys has to let yours in: cpm-registry key request --package ${name}`;
  context.answer(owners, text);
  return 0;
}

/** Removes an owner, or withdraws an invitation. */
export async function ownerRemove(given: Partial<ClientOptions>, name: string, username: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  await confirm(context, `Take ${username} out of the owners of ${name}?`);
  const path = ownerPath(name, username);
  const { body } = await suggestingNames(client, name, () =>
    client.request<OwnerRemovedDocument>({ method: "DELETE", path, isRepeatable: true }),
  );
  context.answer(body, `${username} is no longer an owner of ${name}, and is not invited.`);
  noteKeys(context, name, body);
  return 0;
}

/** A key that stays can still sign for other owners, and can cancel a reset. */
function noteKeys({ prompt }: ClientContext, name: string, { keys }: OwnerRemovedDocument): void {
  if (keys.length === 0) return;
  prompt.note("Keys of this account may still sign the package. Take them out:");
  for (const { keyId } of keys) prompt.note(`  cpm-registry key remove ${keyId} --package ${name}`);
}

async function put(client: ApiClient, name: string, username: string): Promise<OwnersDocument> {
  const path = ownerPath(name, username);
  return (await client.request<OwnersDocument>({ method: "PUT", path, isRepeatable: true })).body;
}

function ownerPath(name: string, username: string): string {
  return `${packagePath(name)}/owners/${encodeURIComponent(username)}`;
}
