import { type Answer, type Client, makeKey, type SigningKey, sha256, signMessage } from "./client.ts";
import { clockAt, TEST_LOG_ORIGIN, TEST_PUBLIC_URL } from "./registry.ts";

/* Statements that a client signs about keys, written from docs/log-format.md and not from src/. */

/** The first 16 bytes of the key's SHA-256. */
export function keyIdOf({ publicHex }: SigningKey): string {
  return sha256(Buffer.from(publicHex, "hex")).slice(0, 32);
}

export function registrationStatement(
  username: string,
  { publicHex }: SigningKey,
  nonce: string,
  registry: string = TEST_PUBLIC_URL,
): string {
  return `cpm-key-registration/v1\nregistry: ${registry}\nuser: ${username}\nkey: ${publicHex}\nnonce: ${nonce}\n`;
}

/** What a key change statement names in addition to the package, the action and the key. */
export interface StatementOptions {
  /** The log's origin. */
  readonly registry?: string;
  readonly at?: string;
  readonly reason?: string;
  readonly since?: string;
}

/** The time at which a test file began, for statements and bodies that a test writes by itself. */
export const SIGNED_AT = secondsOf(new Date());

/** The clock's time as statements have it. */
export function secondsOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

export function changeStatement(
  name: string,
  action: "add" | "remove" | "reset" | "cancel",
  { publicHex }: SigningKey,
  previous: string,
  { registry = TEST_LOG_ORIGIN, at = SIGNED_AT, reason = "superseded", since = "-" }: StatementOptions = {},
): string {
  const about = `registry: ${registry}\nname: ${name}\naction: ${action}\nkey: ${publicHex}\n`;
  const removal = action === "remove" ? `reason: ${reason}\nsince: ${since}\n` : "";
  return `cpm-key-change/v2\n${about}previous: ${previous}\nat: ${at}\n${removal}`;
}

/** SHA-256 of the leaf of a package's first version, which the first key change names. */
export async function firstLeafDigest(client: Client, name: string): Promise<string> {
  const answer = await client.get(`/api/packages/${name}/log`);
  if (answer.status !== 200) throw new Error(`the log of ${name} answered ${answer.status}: ${answer.text}`);
  return sha256(Buffer.from(answer.body.entries[0].leaf));
}

/** Requests a nonce to register a key with. */
export async function challenge(client: Client, { publicHex }: SigningKey): Promise<string> {
  const asked = await client.post("/api/auth/keys/challenge", { publicKey: publicHex });
  if (asked.status !== 201) throw new Error(`challenge answered ${asked.status}: ${asked.text}`);
  return asked.body.nonce;
}

/** Registers a key correctly, with the given `nonce` if there is one. */
export async function register(client: Client, key: SigningKey, nonce?: string): Promise<Answer> {
  const good = nonce ?? (await challenge(client, key));
  const signature = signMessage(key, registrationStatement(client.username, key, good));
  return client.post("/api/auth/keys", { publicKey: key.publicHex, nonce: good, signature });
}

/** Makes and registers a new key of an account. */
export async function newKey(client: Client): Promise<SigningKey> {
  const key = makeKey();
  const answer = await register(client, key);
  if (answer.status !== 201) throw new Error(`a key answered ${answer.status}: ${answer.text}`);
  return key;
}

const addressOf = (name: string) => `/api/packages/${name}/keys`;

/** Reads what the next key change of a package must name as `previous`. */
export async function previousOf(client: Client, name: string): Promise<string> {
  const answer = await client.get(addressOf(name));
  if (answer.status !== 200) throw new Error(`keys answered ${answer.status}: ${answer.text}`);
  return answer.body.previous;
}

interface Change {
  /** The key that signs. */
  readonly by: SigningKey;
  /** The `previous` of statement and body. Default: the registry's current one. */
  readonly previous?: string;
  /** The log's origin, if it is not the one that tests begin with. */
  readonly registry?: string;
}

const registryOf = ({ registry }: Change) => (registry === undefined ? {} : { registry });

/** Adds a key to a package, signed by an active key and by the new one. */
export async function addKey(client: Client, name: string, added: SigningKey, change: Change): Promise<Answer> {
  const previous = change.previous ?? (await previousOf(client, name));
  const at = secondsOf(clockAt(client.base));
  const statement = changeStatement(name, "add", added, previous, { at, ...registryOf(change) });
  const [signature, newKeySignature] = [signMessage(change.by, statement), signMessage(added, statement)];
  return client.post(addressOf(name), { publicKey: added.publicHex, previous, at, signature, newKeySignature });
}

interface Removal extends Change {
  readonly reason?: string;
  readonly since?: string;
}

/** Removes a key from a package, as superseded unless a reason is given. */
export async function removeKey(client: Client, name: string, removed: SigningKey, removal: Removal): Promise<Answer> {
  const { by, reason = "superseded", since } = removal;
  const previous = removal.previous ?? (await previousOf(client, name));
  const at = secondsOf(clockAt(client.base));
  const options = { at, reason, ...(since === undefined ? {} : { since }), ...registryOf(removal) };
  const signature = signMessage(by, changeStatement(name, "remove", removed, previous, options));
  return client.send("DELETE", `${addressOf(name)}/${keyIdOf(removed)}`, { previous, at, signature, reason, since });
}

/** Requests a reset to a key, signed by that key. */
export async function resetTo(client: Client, name: string, key: SigningKey, previous?: string): Promise<Answer> {
  const named = previous ?? (await previousOf(client, name));
  const at = secondsOf(clockAt(client.base));
  const newKeySignature = signMessage(key, changeStatement(name, "reset", key, named, { at }));
  return client.post(`${addressOf(name)}/reset`, { publicKey: key.publicHex, previous: named, at, newKeySignature });
}

/** Cancels the reset to a key with a signature of another key. */
export async function cancelByKey(client: Client, name: string, key: SigningKey, change: Change): Promise<Answer> {
  const previous = change.previous ?? (await previousOf(client, name));
  const at = secondsOf(clockAt(client.base));
  const signature = signMessage(change.by, changeStatement(name, "cancel", key, previous, { at }));
  return client.send("DELETE", `${addressOf(name)}/reset`, { previous, at, signature });
}
