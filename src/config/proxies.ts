import { BlockList, isIPv6 } from "node:net";

/** Reads addresses and networks (`10.0.0.0/8`, `::1`); undefined when one of them is none. */
export function parseProxies(texts: readonly string[]): BlockList | undefined {
  const proxies = new BlockList();
  try {
    for (const text of texts) {
      const [address = "", bits] = text.split("/");
      const family = isIPv6(address) ? "ipv6" : "ipv4";
      if (bits === undefined) proxies.addAddress(address, family);
      else if (/^\d{1,3}$/.test(bits)) proxies.addSubnet(address, Number(bits), family);
      else return undefined;
    }
    return proxies;
  } catch {
    return undefined;
  }
}
