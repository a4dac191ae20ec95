import { ownAccount } from "../client/account.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ClientFault } from "../client/client-fault.ts";
import { type PackageKey, removePackageKey } from "../client/package-keys.ts";
import { foldIdentity } from "../domain/identity.ts";
import { systemClock } from "../start/system-clock.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { faultText } from "./client-failure.ts";
import { confirm } from "./confirm.ts";
import { requireSigner } from "./key-files.ts";
import { isAmong, type OwnersDocument, ownerPath, ownersOf } from "./owner.ts";
import { type PasswordOptions, withLogin } from "./password-login.ts";

/** Options of `owner remove`. */
export interface OwnerRemoveOptions extends Partial<ClientOptions>, PasswordOptions {
  readonly key: string | undefined;
}

type OwnerKey = Pick<PackageKey, "keyId" | "publicKey">;

interface OwnerRemovedDocument extends OwnersDocument {
  readonly keys: readonly OwnerKey[];
}

interface Removal {
  readonly context: ClientContext;
  readonly client: ApiClient;
  readonly given: OwnerRemoveOptions;
  readonly name: string;
  readonly username: string;
}

/**
 * Removes an owner, or withdraws an invitation, and then takes the keys of that account out of the
 * package. The owner goes first: without it, a key that stays publishes nothing. Returns 1 if keys
 * were to go and did not.
 */
export async function ownerRemove(given: OwnerRemoveOptions, name: string, username: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const before = await ownersOf(client, name);
  const isKnown = isAmong([...before.items, ...before.invitations], username);
  if (isKnown) await confirm(context, `Take ${username} out of the owners of ${name}?`);
  const path = ownerPath(name, username);
  const { body: after } = await client.request<OwnerRemovedDocument>({ method: "DELETE", path, isRepeatable: true });
  if (!context.options.json) {
    const done = isKnown
      ? `is no longer an owner of ${name}, and is not invited`
      : `was neither an owner of ${name} nor invited`;
    context.answer(undefined, `${username} ${done}.`);
  }
  const removal = { context, client, given, name, username };
  const { removed, failed } = await takeOutKeys(removal, after.keys);
  const left = after.keys.filter(({ keyId }) => !removed.includes(keyId));
  noteLeft(removal, left);
  if (context.options.json) context.answer({ ...after, keys: left, removedKeys: removed }, "");
  return failed ? 1 : 0;
}

async function takeOutKeys(removal: Removal, keys: readonly OwnerKey[]) {
  const { context, given, name, username } = removal;
  const { prompt } = context;
  const nothing = { removed: [], failed: false };
  const canLogIn = given["password-stdin"] || prompt.isInteractive;
  if (keys.length === 0 || !canLogIn || (await isOwnAccount(removal))) return nothing;
  const ids = keys.map(({ keyId }) => keyId).join(", ");
  const question = { text: `Keys of ${username} may still sign ${name}: ${ids}. Take them out too?`, flag: "--yes" };
  if (!given["password-stdin"] && !(await prompt.confirm(question))) return nothing;
  const removed: string[] = [];
  try {
    await signRemovals(removal, keys, (keyId) => removed.push(keyId));
    if (!context.options.json) context.answer(undefined, `Out of ${name} are the keys: ${removed.join(", ")}.`);
    return { removed, failed: false };
  } catch (cause) {
    if (!(cause instanceof ClientFault)) throw cause;
    prompt.note(`The owner is removed, but not each key: ${faultText(cause.problem)}`);
    return { removed, failed: true };
  }
}

/** Who leaves is no owner any more, and cannot change the keys. */
async function isOwnAccount({ client, username }: Removal): Promise<boolean> {
  return foldIdentity((await ownAccount(client)).username) === foldIdentity(username);
}

/** Each removal names the one before, so they go one by one. */
async function signRemovals(
  { context, client, given, name }: Removal,
  keys: readonly OwnerKey[],
  done: (keyId: string) => void,
): Promise<void> {
  const by = await requireSigner(context, given.key);
  await withLogin(context, client, given, async (session) => {
    for (const key of keys.filter(({ keyId }) => keyId !== by.keyId)) {
      const why = { reason: "superseded", since: null, now: systemClock() } as const;
      await removePackageKey(session.client, name, by, key, why);
      done(key.keyId);
    }
  });
}

/** A key that stays can still sign for other owners, and can cancel a reset. */
function noteLeft({ context: { prompt }, name, username }: Removal, left: readonly OwnerKey[]): void {
  if (left.length === 0) return;
  prompt.note(`Keys of ${username} may still sign ${name} for its owners. An owner takes them out with:`);
  for (const { keyId } of left) prompt.note(`  cpm-registry key remove ${keyId} --package ${name}`);
}
