import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Session } from "../client/account.ts";
import { registerKey, retireKey } from "../client/account-keys.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ownPackageNames } from "../client/own-packages.ts";
import { addPackageKey, isActive, packageKeys, removePackageKey } from "../client/package-keys.ts";
import type { Signer } from "../client/signer.ts";
import { DEFAULT_KEY_NAME, findSigner } from "../client/signing-keys.ts";
import { generateKey, nextName, storedKeys } from "../client/stored-keys.ts";
import { counted } from "../runtime/counted.ts";
import { ifThere } from "../runtime/if-there.ts";
import { systemClock } from "../start/system-clock.ts";
import { apiClient, type ClientContext, clientContext } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { type KeyChangeOptions, machineLabel } from "./key-changes.ts";
import { withLogin } from "./password-login.ts";
import { KEEP_A_COPY, keySources, newPassphrase } from "./signer.ts";
import { UsageError } from "./usage.ts";

/** Options of `key rotate`. */
export interface RotateOptions extends KeyChangeOptions {
  readonly package: readonly string[];
  readonly "no-passphrase": boolean;
}

/**
 * Replaces a stored key: a new one is registered and added to every package, and the old one is
 * taken out and retired. An interrupted rotation goes on where it stopped, with the same new key.
 */
export async function keyRotate(given: RotateOptions, name = DEFAULT_KEY_NAME): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const stored = (await storedKeys(context.home.keysDirectory)).find((key) => key.name === name);
  if (stored === undefined)
    throw new UsageError(`There is no key '${name}' here. cpm-registry key list shows your keys.`);
  const old = await requireKey(context, name);
  // The login comes first, because an API token may be for some packages only.
  const { keyId, names } = await withLogin(context, client, given, async (open) => {
    const names = await packagesOf(open.client, old, given.package);
    await confirm(
      context,
      `Replace key ${old.keyId}, which signs ${names.length === 0 ? "no package" : names.join(", ")}?`,
    );
    const next = await nextKey(context, name, given["no-passphrase"]);
    await rotate(open, old, next, names);
    return { keyId: next.keyId, names };
  });
  await swapFiles(context, name, old);
  context.answer(
    { name, keyId, replaced: old.keyId, packages: names },
    `Key ${keyId} took the place of ${old.keyId} for ${counted(names.length, "package")}.`,
  );
  context.prompt.note(KEEP_A_COPY);
  return 0;
}

async function requireKey(context: ClientContext, name: string): Promise<Signer> {
  const found = await findSigner(keySources(context), name);
  if (found === undefined) throw new UsageError(`There is no key '${name}' here.`);
  return found;
}

async function nextKey(context: ClientContext, name: string, isPlain: boolean): Promise<Signer> {
  const { home } = context;
  const begun = (await storedKeys(home.keysDirectory)).find((key) => key.name === nextName(name));
  if (begun !== undefined) {
    const day = (await stat(begun.path)).mtime.toISOString().slice(0, 10);
    context.prompt.note(`You began a rotation on ${day}; going on with the key made then, ${begun.keyId}.`);
    return requireKey(context, nextName(name));
  }
  const passphrase = isPlain ? "" : await newPassphrase(context, "Passphrase for the new key (empty for none)");
  return generateKey(home.keysDirectory, nextName(name), passphrase);
}

/** The packages that are named, or all of the account's that the key may sign. */
async function packagesOf(client: ApiClient, { publicKey }: Signer, given: readonly string[]): Promise<string[]> {
  if (given.length > 0) return [...given];
  const names: string[] = [];
  for (const name of await ownPackageNames(client))
    if (isActive(await packageKeys(client, name), publicKey)) names.push(name);
  return names;
}

async function rotate(open: Session, old: Signer, next: Signer, names: readonly string[]): Promise<void> {
  await registerKey(open, next, machineLabel());
  for (const name of names) {
    const before = await packageKeys(open.client, name);
    if (!isActive(before, next.publicKey)) await addPackageKey(open.client, name, old, next, systemClock());
    const removal = { reason: "superseded", since: null, now: systemClock() } as const;
    if (isActive(before, old.publicKey)) await removePackageKey(open.client, name, next, old, removal);
  }
  await retireKey(open, old.keyId);
}

/** The new key gets the name, so that commands find it. The old one stays under its id. */
async function swapFiles({ home }: ClientContext, name: string, old: Signer): Promise<void> {
  const path = (key: string, kind: string) => join(home.keysDirectory, `${key}.${kind}`);
  for (const kind of ["pem", "pub"]) {
    // A private key that OpenSSL made may lie there without its public half.
    await ifThere(() => rename(path(name, kind), path(`${name}-${old.keyId.slice(0, 8)}`, kind)));
    await ifThere(() => rename(path(nextName(name), kind), path(name, kind)));
  }
}
