import { describe, expect, test } from "bun:test";
import { parseProxies } from "../../src/config/proxies.ts";
import { clientBehind, clientNetwork } from "../../src/http/client-address.ts";

function proxies(...texts: string[]) {
  const parsed = parseProxies(texts);
  if (parsed === undefined) throw new Error("The proxies of the test are invalid");
  return parsed;
}

describe("clientBehind", () => {
  const TRUSTED = proxies("10.0.0.0/8", "192.0.2.7", "2001:db8:aaaa::/48");

  test.each([
    ["a connection that is no proxy's", "203.0.113.9", null, "203.0.113.9"],
    ["a header of somebody who is no proxy", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["a proxy that says nothing", "10.0.0.1", null, "10.0.0.1"],
    ["a proxy that says nothing in a header", "10.0.0.1", "", "10.0.0.1"],
    ["a proxy", "10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["a proxy by its one address", "192.0.2.7", "198.51.100.1", "198.51.100.1"],
    ["a neighbour of it", "192.0.2.8", "198.51.100.1", "192.0.2.8"],
    ["a chain of proxies", "10.0.0.1", "198.51.100.1, 10.2.3.4,2001:db8:aaaa::1", "198.51.100.1"],
    ["what a client wrote before a proxy did", "10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"],
    ["a client that claims to be behind a proxy", "10.0.0.1", "1.2.3.4, 10.9.9.9, 198.51.100.1", "198.51.100.1"],
    ["a chain of proxies only", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["an empty place in the list", "10.0.0.1", "1.2.3.4, , 10.0.0.2", "10.0.0.2"],
    ["a proxy that hides its client", "10.0.0.1", "1.2.3.4, unknown", "unknown"],
    ["what is short for a proxy's address", "10.0.0.1", "198.51.100.1, 10.2", "10.2"],
    ["IPv4 over an IPv6 socket", "::ffff:10.0.0.1", "::FFFF:198.51.100.1", "198.51.100.1"],
    ["a port behind the address", "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
    ["a port behind that of a proxy", "10.0.0.1", "198.51.100.1, 10.0.0.2:80", "198.51.100.1"],
    ["IPv6", "2001:db8:aaaa::9", "2001:db8:bbbb::1", "2001:db8:bbbb::1"],
    ["IPv6 in brackets", "10.0.0.1", "[2001:db8:bbbb::1]", "2001:db8:bbbb::1"],
    ["IPv6 with a port", "10.0.0.1", "[2001:db8:bbbb::1]:4711", "2001:db8:bbbb::1"],
  ])("%s", (_, connection, header, client) => {
    expect(clientBehind(TRUSTED, connection, header)).toBe(client);
  });

  test("clientBehind ignores X-Forwarded-For without configured proxies", () => {
    expect(clientBehind(proxies(), "127.0.0.1", "198.51.100.1")).toBe("127.0.0.1");
  });
});

describe("clientNetwork", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["unknown", "unknown"],
    ["", ""],
    ["2001:db8::1", "2001:db8:0::/48"],
    ["2001:DB8:0000::ffff:1", "2001:db8:0::/48"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"],
    ["2001:db8:1:2::", "2001:db8:1::/48"],
    ["1::", "1:0:0::/48"],
    ["fe80::1%eth0", "fe80:0:0::/48"],
    ["::1", "::1"],
    ["::ffff:c000:201", "::ffff:c000:201"],
  ])("%p is %p", (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});

describe("parseProxies", () => {
  test("parseProxies accepts addresses and networks of IPv4 and IPv6", () => {
    const parsed = proxies("192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32", "172.16.0.1/32");
    for (const address of ["192.0.2.1", "10.255.0.1", "172.16.0.1"]) expect(parsed.check(address, "ipv4")).toBe(true);
    for (const address of ["192.0.2.2", "11.0.0.1", "172.16.0.2"]) expect(parsed.check(address, "ipv4")).toBe(false);
    for (const address of ["::1", "2001:db8:ffff::1"]) expect(parsed.check(address, "ipv6")).toBe(true);
    for (const address of ["::2", "2001:db9::1"]) expect(parsed.check(address, "ipv6")).toBe(false);
  });

  test.each([
    "proxy.example.org",
    "*",
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
    "10.0.0.0/0x8",
    "2001:db8::/129",
    "[::1]",
    "10.0.0.1:80",
  ])("%p is no address or network, and is refused among valid ones too", (text) => {
    expect(parseProxies(["127.0.0.1", text])).toBeUndefined();
  });
});
