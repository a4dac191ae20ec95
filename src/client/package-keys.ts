import { parsePackageName } from "../domain/package-name.ts";
import { decodeStrictly } from "../signing/encoding.ts";
import {
  CLOCK_DIFFERENCE_MAX_MS,
  type KeyChange,
  type KeyRemovalReason,
  keyChangeStatement,
  secondsText,
} from "../signing/key-statements.ts";
import type { ApiClient } from "./api-client.ts";
import { clientFault } from "./client-fault.ts";
import type { Signer } from "./signer.ts";

/** A key of a package, as the API shows it. */
export interface PackageKey {
  readonly keyId: string;
  readonly publicKey: string;
  readonly status: "active" | "superseded" | "compromised";
  readonly addedAt: string;
  readonly endedAt: string | null;
}

/** Who may sign a package, and what the next change must name. */
export interface PackageKeys {
  readonly name: string;
  /** The origin of the log, which statements name. */
  readonly registry: string;
  readonly keys: readonly PackageKey[];
  readonly previous: string;
}

function keysPath(name: string): string {
  return `/api/packages/${encodeURIComponent(name)}/keys`;
}

/** Reads the keys of a package. */
export function packageKeys(client: ApiClient, name: string): Promise<PackageKeys> {
  return client.get<PackageKeys>(keysPath(name));
}

/** Returns whether a key may sign new versions. */
export function isActive({ keys }: PackageKeys, publicKey: string): boolean {
  return keys.some((key) => key.publicKey === publicKey && key.status === "active");
}

/** Lets another key sign. A key that may sign already and the new one sign the same statement. */
export async function addPackageKey(client: ApiClient, name: string, by: Signer, added: Signer, now: Date) {
  const keys = await packageKeys(client, name);
  requireActive(keys, by);
  const change = changeOf(keys, "add", added.publicKey, now);
  const [signature, newKeySignature] = [await signChange(keys, change, by), await signChange(keys, change, added)];
  return sendAddition(client, change, signature, newKeySignature);
}

/** Takes a key out. Another active key signs. */
export async function removePackageKey(
  client: ApiClient,
  name: string,
  by: Signer,
  { publicKey, keyId }: Pick<PackageKey, "publicKey" | "keyId">,
  { reason, since, now }: KeyRemovalReason & { readonly now: Date },
): Promise<PackageKeys> {
  const keys = await packageKeys(client, name);
  requireActive(keys, by);
  const change: KeyChange = { ...changeOf(keys, "remove", publicKey, now), removal: { reason, since } };
  const signature = await signChange(keys, change, by);
  const { previous, at } = change;
  const body = { reason, previous, at: secondsText(at), signature, ...(since === null ? {} : { since }) };
  return client.send<PackageKeys>("DELETE", `${keysPath(name)}/${encodeURIComponent(keyId)}`, body);
}

function requireActive(keys: PackageKeys, { publicKey, name }: Signer): void {
  if (isActive(keys, publicKey)) return;
  const active = keys.keys.filter(({ status }) => status === "active").map(({ keyId }) => keyId);
  const detail = `Key ${name} may not sign ${keys.name}. These may: ${active.join(", ")}.\nName one of them with --key, or send a co-owner the line of: cpm-registry key request --package ${keys.name}`;
  throw clientFault("denied", "client_key_not_trusted", detail);
}

function changeOf(
  { name, previous }: PackageKeys,
  action: KeyChange["action"],
  publicKey: string,
  at: Date,
): KeyChange {
  return { name, action, publicKey, previous, at };
}

function signChange({ registry }: Pick<PackageKeys, "registry">, change: KeyChange, signer: Signer): Promise<string> {
  return signer.sign(keyChangeStatement(registry, change));
}

function sendAddition(
  client: ApiClient,
  change: KeyChange,
  signature: string,
  newKeySignature: string,
): Promise<PackageKeys> {
  const { name, publicKey, previous, at } = change;
  return client.send<PackageKeys>("POST", keysPath(name), {
    publicKey,
    previous,
    at: secondsText(at),
    signature,
    newKeySignature,
  });
}

/** What a co-owner sends in one line: the new key's half of an addition. */
export interface KeyRequest {
  readonly name: string;
  readonly publicKey: string;
  readonly previous: string;
  /** RFC 3339, whole seconds. It is good for ten minutes. */
  readonly at: string;
  readonly signature: string;
  /** Who asks, by their own words. */
  readonly username: string;
}

const REQUEST_PREFIX = "cpm-key-request-v1.";

/** Makes the line by which a key asks to sign a package. */
export async function requestLine(client: ApiClient, name: string, added: Signer, username: string, now: Date) {
  const keys = await packageKeys(client, name);
  if (isActive(keys, added.publicKey)) {
    throw clientFault(
      "refused",
      "client_key_active",
      `Key ${added.name} may sign ${name} already. There is nothing to ask for.`,
    );
  }
  const change = changeOf(keys, "add", added.publicKey, now);
  const signature = await signChange(keys, change, added);
  const { publicKey, previous, at } = change;
  const request: KeyRequest = { name: keys.name, publicKey, previous, at: secondsText(at), signature, username };
  return REQUEST_PREFIX + Buffer.from(JSON.stringify(request)).toString("base64url");
}

/** Reads such a line. Throws if it is none, or too old. */
export function parseRequestLine(line: string, now: Date): KeyRequest {
  const request = line.trim().startsWith(REQUEST_PREFIX)
    ? parsedRequest(line.trim().slice(REQUEST_PREFIX.length))
    : undefined;
  if (request === undefined) {
    throw clientFault(
      "usage",
      "client_key_request",
      "This is not the whole line that cpm-registry key request printed.",
    );
  }
  if (Math.abs(now.getTime() - Date.parse(request.at)) <= CLOCK_DIFFERENCE_MAX_MS) return request;
  const detail = `The request was signed at ${request.at}, and is good for ten minutes.\nAsk for a new line: cpm-registry key request --package ${request.name}`;
  throw clientFault("refused", "client_key_request", detail);
}

function parsedRequest(text: string): KeyRequest | undefined {
  try {
    const parsed: Partial<Record<keyof KeyRequest, unknown>> = JSON.parse(
      Buffer.from(text, "base64url").toString("utf8"),
    );
    const { name, publicKey, previous, at, signature, username } = parsed;
    const texts = [name, publicKey, previous, at, signature, username].map((value) =>
      typeof value === "string" ? value : "",
    );
    const [n = "", k = "", p = "", a = "", s = "", u = ""] = texts;
    const isWhole = parsePackageName(n) !== undefined && /^[0-9a-f]{64}$/.test(k) && /^[0-9a-f]{64}$/.test(p);
    const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(a) && !Number.isNaN(Date.parse(a));
    if (!isWhole || !isTime || decodeStrictly(s, 64) === undefined) return undefined;
    return { name: n, publicKey: k, previous: p, at: a, signature: s, username: u };
  } catch {
    return undefined;
  }
}

/** Throws unless `by` can approve a request now. Returns the keys of the package. */
export async function requireApprovable(client: ApiClient, request: KeyRequest, by: Signer): Promise<PackageKeys> {
  const keys = await packageKeys(client, request.name);
  requireActive(keys, by);
  if (keys.previous !== request.previous) {
    const detail = `The keys of ${request.name} changed since the request was made.\nAsk for a new line: cpm-registry key request --package ${request.name}`;
    throw clientFault("refused", "client_key_request", detail);
  }
  return keys;
}

/** Signs a request with a key that may sign the package, and sends both halves. */
export async function approveRequest(client: ApiClient, request: KeyRequest, by: Signer): Promise<PackageKeys> {
  const keys = await requireApprovable(client, request, by);
  const change = changeOf(keys, "add", request.publicKey, new Date(request.at));
  return sendAddition(client, change, await signChange(keys, change, by), request.signature);
}
