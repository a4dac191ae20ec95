import { isIP, isIPv6 } from "node:net";
import type { SettingReader } from "./setting-reader.ts";
import { SETTINGS } from "./settings.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** A name of which the last label begins with a letter, so that `10.1` is none. */
const NAME = new RegExp(`^(?:${LABEL}\\.)*(?=[a-z])${LABEL}$`, "i");

/**
 * Reads the address to listen on: an IPv4 or IPv6 address, the latter with or without brackets, or
 * a host name. Undefined if it is none, such as an address with a port.
 */
function parseHost(text: string): string | undefined {
  const address = /^\[(.*)\]$/.exec(text)?.[1];
  if (address !== undefined) return isIPv6(address) ? address : undefined;
  return isIP(text) !== 0 || NAME.test(text) ? text : undefined;
}

/** Reads `HOST`, the address to listen on. */
export function readHost(reader: SettingReader): string {
  const text = reader.text("HOST") ?? SETTINGS.HOST.default;
  const host = parseHost(text);
  if (host === undefined) {
    reader.reject("HOST", "must be an address or a name without scheme and port, such as 0.0.0.0, :: or 127.0.0.1");
  }
  return host ?? text;
}

/**
 * Reports whether only this machine reaches a server that listens on a host. An IPv6 address may
 * have the brackets of a URL.
 */
export function isLoopback(named: string): boolean {
  const host = named.replace(/^\[(.*)\]$/, "$1");
  if (isIPv6(host)) {
    // The URL parser writes every spelling of an address in one way. It knows no zones.
    const { hostname } = new URL(`http://[${host.replace(/%.*/, "")}]`);
    return /^\[(?:::1|::ffff:7f[0-9a-f]{2}:[0-9a-f]+)\]$/.test(hostname);
  }
  return host.toLowerCase() === "localhost" || (isIP(host) === 4 && host.startsWith("127."));
}
