import { BlockList, isIP } from "node:net";

/** Reads addresses and networks (`10.0.0.0/8`, `::1`). Undefined if one of them is invalid. */
export function parseProxies(texts: readonly string[]): BlockList | undefined {
  const proxies = new BlockList();
  try {
    for (const text of texts) {
      const [address = "", bits, ...rest] = text.split("/");
      // Bun's BlockList would read 10.0.0 as 10.0.0.0.
      if (isIP(address) === 0 || rest.length > 0) return undefined;
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) proxies.addAddress(address, family);
      else if (/^\d{1,3}$/.test(bits)) proxies.addSubnet(address, Number(bits), family);
      else return undefined;
    }
    return proxies;
  } catch {
    return undefined;
  }
}
