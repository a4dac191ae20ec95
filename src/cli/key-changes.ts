import { hostname } from "node:os";
import { accountKeys, registerKey, retireKey } from "../client/account-keys.ts";
import type { ApiClient } from "../client/api-client.ts";
import { clientFault } from "../client/client-fault.ts";
import {
  addPackageKey,
  approveRequest,
  type KeyRequest,
  packageKeys,
  parseRequestLine,
  removePackageKey,
  requestLine,
  requireApprovable,
} from "../client/package-keys.ts";
import { storedKeys } from "../client/stored-keys.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { systemClock } from "../start/system-clock.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { requireSigner } from "./key-files.ts";
import { suggestingNames } from "./name-hint.ts";
import { isAmong, ownersOf } from "./owner.ts";
import { type PasswordOptions, withLogin } from "./password-login.ts";
import { signerOrFirst } from "./signer.ts";
import { UsageError } from "./usage.ts";

/** Options of commands that change keys: an API token may not, so they need the password. */
export interface KeyChangeOptions extends Partial<ClientOptions>, PasswordOptions {}

interface SignedOptions extends KeyChangeOptions {
  readonly key: string | undefined;
}

interface PackageOptions extends SignedOptions {
  readonly package: readonly string[];
}

/** The name of this machine, by which its key is found in lists. */
export function machineLabel(): string {
  return hostname()
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 100);
}

/** Registers a key to the account. */
export async function keyRegister(given: SignedOptions & { readonly label: string | undefined }): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const signer = await signerOrFirst(context, given.key, "key register");
  const isNew = await withLogin(context, client, given, (open) =>
    registerKey(open, signer, given.label ?? machineLabel()),
  );
  const { keyId, publicKey } = signer;
  const text = `Key ${keyId} ${isNew ? "is registered" : "was registered before"} at ${client.address.url}.`;
  context.answer({ registry: client.address.url, keyId, publicKey, registered: isNew }, text);
  if (isNew) context.prompt.note("To let it sign a package that exists: cpm-registry key add <key> --package <name>");
  return 0;
}

/** Retires a key of the account, named by its id or by a name on this machine. */
export async function keyRetire(given: KeyChangeOptions, key: string): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  const keyId = await keyIdFor(context, key);
  await withLogin(context, client, given, async (open) => {
    const known = (await accountKeys(open)).some((each) => each.keyId === keyId && each.retiredAt === null);
    if (!known)
      throw clientFault("failed", "client_key_missing", `Your account has no key ${keyId} that is not retired.`);
    await confirm(context, `Retire key ${keyId} from your account? It can never be registered again.`);
    await retireKey(open, keyId);
  });
  context.answer({ keyId, retired: true }, `Key ${keyId} is retired.`);
  return 0;
}

async function keyIdFor({ home }: ClientContext, key: string): Promise<string> {
  if (/^[0-9a-f]{32}$/.test(key)) return key;
  if (/^[0-9a-f]{64}$/.test(key)) return keyIdOf(key);
  const stored = (await storedKeys(home.keysDirectory)).find(({ name }) => name === key);
  if (stored !== undefined) return stored.keyId;
  throw new UsageError(`'${key}' is neither a key id of 32 hex digits nor one of your keys.`);
}

/** Lets a key of this machine sign packages. */
export async function keyAdd(given: PackageOptions, key: string): Promise<number> {
  requirePackages(given.package);
  const context = clientContext(given);
  const client = await apiClient(context);
  const [by, added] = [await requireSigner(context, given.key), await requireSigner(context, key)];
  await withLogin(context, client, given, async (open) => {
    await registerKey(open, added, machineLabel());
    for (const name of given.package) await addPackageKey(open.client, name, by, added, systemClock());
  });
  const text = `Key ${added.keyId} may sign ${given.package.join(", ")} now.`;
  context.answer({ packages: given.package, keyId: added.keyId, signedBy: by.keyId }, text);
  return 0;
}

function requirePackages(names: readonly string[]): void {
  if (names.length === 0) throw new UsageError("Name the package with --package <name>; repeat it for several.");
}

/** Options of `key remove`. */
export interface RemoveOptions extends PackageOptions {
  readonly compromised: boolean;
  readonly since: string | undefined;
}

/** Takes a key out of packages. */
export async function keyRemove(given: RemoveOptions, key: string): Promise<number> {
  requirePackages(given.package);
  if (given.since !== undefined && !given.compromised) throw new UsageError("--since goes with --compromised.");
  const context = clientContext(given);
  const client = await apiClient(context);
  const keyId = await keyIdFor(context, key);
  const by = await requireSigner(context, given.key);
  if (by.keyId === keyId)
    throw new UsageError("A key cannot take itself out. Name another one that may sign with --key.");
  const removed = await Promise.all(given.package.map((name) => requirePackageKey(client, name, keyId)));
  const consequence = given.compromised
    ? `Every version that it signed${given.since === undefined ? "" : ` from ${given.since} on`} is yanked for good.`
    : "What it signed stays valid.";
  await confirm(context, `Take key ${keyId} out of ${given.package.join(", ")}? ${consequence} Do it?`);
  const reason = given.compromised ? ("compromised" as const) : ("superseded" as const);
  await withLogin(context, client, given, async (open) => {
    for (const { name, key } of removed) {
      const why = { reason, since: given.since ?? null, now: systemClock() };
      await removePackageKey(open.client, name, by, key, why);
    }
  });
  context.answer(
    { packages: given.package, keyId, reason, signedBy: by.keyId },
    `Key ${keyId} is out of ${given.package.join(", ")} (${reason}).`,
  );
  return 0;
}

async function requirePackageKey(client: ApiClient, name: string, keyId: string) {
  const keys = await suggestingNames(client, name, () => packageKeys(client, name));
  const key = keys.keys.find((each) => each.keyId === keyId);
  if (key !== undefined) return { name, key };
  const detail = `${name} has no key ${keyId}.\nSee: cpm-registry key list --package ${name}`;
  throw clientFault("failed", "client_key_missing", detail);
}

/** Prints the line by which a key of this machine asks to sign a package. */
export async function keyRequest(
  given: Partial<ClientOptions> & { readonly package: string; readonly key: string | undefined },
) {
  const context = clientContext(given);
  const client = await apiClient(context);
  const signer = await signerOrFirst(context, given.key, `key request --package ${given.package}`);
  const username = (await context.credentials.of(client.address.origin))?.username ?? "";
  const line = await requestLine(client, given.package, signer, username, systemClock());
  context.answer({ package: given.package, keyId: signer.keyId, request: line }, line);
  context.prompt.note(
    `Send this line to an owner of ${given.package}, who runs within ten minutes:\n  cpm-registry key approve <line>\nTell them the key's id on another channel: ${signer.keyId}
If your account has other keys, it must know this one too: cpm-registry key register`,
  );
  return 0;
}

/** Lets the key of a request sign its package. */
export async function keyApprove(given: SignedOptions, line: string): Promise<number> {
  const context = clientContext(given);
  const request = parseRequestLine(line, systemClock());
  const client = await apiClient(context);
  const by = await requireSigner(context, given.key);
  const keyId = keyIdOf(request.publicKey);
  await requireApprovable(client, request, by);
  const who = request.username === "" ? "Somebody" : request.username;
  context.prompt.note(
    `${who} asks that key ${keyId} may sign ${request.name}. Compare the id with them on another channel.`,
  );
  await confirm(context, `Let key ${keyId} sign ${request.name}?`);
  await withLogin(context, client, given, (open) => approveRequest(open.client, request, by));
  const text = `Key ${keyId} may sign ${request.name} now.`;
  context.answer({ package: request.name, keyId, signedBy: by.keyId }, text);
  if (request.username !== "") context.prompt.note(await ownerState(client, request));
  return 0;
}

/** The other half of what publishing needs. Whether the account knows the key, only it can see. */
async function ownerState(client: ApiClient, { name, username }: KeyRequest): Promise<string> {
  const { items, invitations } = await ownersOf(client, name);
  if (isAmong(items, username)) return `${username} is an owner, and can publish with it.`;
  return isAmong(invitations, username)
    ? `${username} is invited, and has to accept before publishing: cpm-registry owner accept ${name}`
    : `${username} is no owner yet. To change that: cpm-registry owner invite ${name} ${username}`;
}
