import { type BlockList, isIP, isIPv6 } from "node:net";

/* Finds out who sent a request: the peer of the connection, or the client that a proxy names. */

/**
 * Turns IPv4 mapped to IPv6 into IPv4. Every cached download asks, so other addresses cost nothing.
 */
function withoutMapping(address: string): string {
  return address.startsWith(":") ? address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "") : address;
}

/** Removes brackets and port, which some proxies write, and turns IPv4 mapped to IPv6 into IPv4. */
function bareAddress(written: string): string {
  const address = written
    .trim()
    .replace(/^\[(.*)\](:\d+)?$/, "$1")
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return withoutMapping(address);
}

function isListed(proxies: BlockList, address: string): boolean {
  // Bun's BlockList takes 10.1 for 10.0.0.1, so only complete addresses are checked.
  return isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/**
 * Returns the address of the client behind the configured proxies. `X-Forwarded-For` is read from
 * its right end, where the nearest proxy wrote. An entry counts only if a configured proxy wrote
 * it; anybody can write the rest.
 */
export function clientBehind(proxies: BlockList, peer: string, forwardedFor: string | null): string {
  let client = withoutMapping(peer);
  if (forwardedFor === null) return client;
  for (const hop of forwardedFor.split(",").map(bareAddress).reverse()) {
    if (!isListed(proxies, client) || hop === "") return client;
    client = hop;
  }
  return client;
}

/**
 * Returns what counts as one client: an IPv4 address, or the /48 network of an IPv6 address,
 * because providers give a whole /48 to one customer. Each network has one spelling.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const host = isIPv6(address) ? URL.parse(`http://[${address.replace(/%.*/, "")}]/`)?.hostname : undefined;
  if (host === undefined) return address;
  const canonical = host.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  const groups = [...first, ...zeros, ...last];
  // Loopback and IPv4 addresses written as IPv6 are not in a network of one client.
  return groups.slice(0, 4).every((group) => group === "0") ? canonical : `${groups.slice(0, 3).join(":")}::/48`;
}
