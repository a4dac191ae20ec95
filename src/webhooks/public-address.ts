import { BlockList, isIP } from "node:net";

/** Networks of IPv4 that are not the public Internet (RFC 6890 and its registry at IANA). */
const INTERNAL_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  // Multicast and reserved.
  "224.0.0.0/3",
];

/** The addresses of IPv6 that are given out for the public Internet. All others are internal. */
const GLOBAL_IPV6 = ["2000::/3"];

/**
 * Networks in `2000::/3` that lead elsewhere: protocols and tunnels, among them Teredo and 6to4,
 * whose addresses contain any IPv4 address, and documentation.
 */
const SPECIAL_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];

function networks(texts: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", bits] = text.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const internalIpv4 = networks(INTERNAL_IPV4, "ipv4");
const globalIpv6 = networks(GLOBAL_IPV6, "ipv6");
const specialIpv6 = networks(SPECIAL_IPV6, "ipv6");

/**
 * Reports whether an IP address is one of the public Internet. Addresses of this machine, of a
 * private network, of a link, of multicast and of translation (IPv4-mapped, NAT64, 6to4) are not,
 * and neither is text that is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !internalIpv4.check(address, "ipv4");
  if (isIP(address) !== 6 || address.includes("%")) return false;
  return globalIpv6.check(address, "ipv6") && !specialIpv6.check(address, "ipv6");
}
