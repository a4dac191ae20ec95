import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Config } from "../config/config.ts";
import { failure } from "../errors.ts";
import { isPublicAddress } from "./public-address.ts";

/** Finds the IP addresses of a host. Throws if there is none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Which hosts the operator allows whatever their address is. */
export type EndpointRules = Pick<Config, "webhookAllowedHosts">;

const URL_MAX_CHARS = 2_000;

/** Asks the resolver of the system. */
export const resolveHost: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** The host of an address as the resolver takes it: without the brackets of IPv6. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function isAllowed({ webhookAllowedHosts }: EndpointRules, url: URL): boolean {
  return webhookAllowedHosts.includes(hostOf(url));
}

/** Returns why nothing may be sent to an address, as far as it can be known without the resolver. */
function faultOf(rules: EndpointRules, url: URL | null): string | undefined {
  if (url === null || !/^https?:$/.test(url.protocol)) return "must be an address that begins with https://";
  if (url.username !== "" || url.password !== "") return "must not contain a user name or a password";
  if (url.hash !== "") return "must not contain a #";
  if (isAllowed(rules, url)) return undefined;
  if (url.protocol !== "https:")
    return "must begin with https://. The operator can allow http with WEBHOOK_ALLOWED_HOSTS";
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isPublicAddress(host))
    return "must not be an internal address. The operator can allow it with WEBHOOK_ALLOWED_HOSTS";
  return undefined;
}

/**
 * Checks the address of a new webhook and returns it in its normal form. Throws
 * `validation_failed`. Whether its name leads to an internal address is only decided when something
 * is sent, because that can change.
 */
export function parseEndpoint(rules: EndpointRules, text: string): string {
  const url = text.length > URL_MAX_CHARS ? null : URL.parse(text);
  const message = faultOf(rules, url);
  if (url !== null && message === undefined) return url.href;
  throw failure({ code: "validation_failed", faults: [{ path: "/url", message: message ?? "must be an address" }] });
}

/** Where to connect, or why not. */
export type Destination = { readonly address: string } | { readonly refusal: string };

/**
 * Decides to which IP address a delivery connects. The name is resolved once and the connection
 * goes to the result: a name that changes its address between the check and the connection gains
 * nothing. All addresses must be public, unless the operator allows the host. Throws what `resolve`
 * throws.
 */
export async function destinationOf(rules: EndpointRules, text: string, resolve: Resolve): Promise<Destination> {
  const url = URL.parse(text);
  // The operator may have changed which hosts are allowed.
  const refusal = faultOf(rules, url);
  if (url === null || refusal !== undefined) return { refusal: `its address ${refusal}` };
  const host = hostOf(url);
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  const [address] = addresses;
  if (address === undefined) return { refusal: "its host has no address" };
  if (isAllowed(rules, url) || addresses.every(isPublicAddress)) return { address };
  return { refusal: "its host leads to an internal address. The operator can allow it with WEBHOOK_ALLOWED_HOSTS" };
}
