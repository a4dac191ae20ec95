import { describe, expect, test } from "bun:test";
import { ClientFault } from "../../src/client/client-fault.ts";
import { registryAddress } from "../../src/client/registry-address.ts";

function addressOf(registry: string, insecureHttp = false) {
  const settings = { registry: undefined, certificateFile: undefined };
  return registryAddress({ registry, cafile: undefined, insecureHttp }, settings, {});
}

describe("the address of a registry", () => {
  test.each([
    ["localhost:5000", "http://localhost:5000"],
    ["127.0.0.1:5000", "http://127.0.0.1:5000"],
    ["[::1]:5000", "http://[::1]:5000"],
    ["http://127.0.0.2/registry/", "http://127.0.0.2/registry"],
    ["cpm.example.org", "https://cpm.example.org"],
    ["127.0.0.1.example.org", "https://127.0.0.1.example.org"],
    ["localhost.example.org", "https://localhost.example.org"],
  ])("%s is %s", async (given, url) => {
    expect((await addressOf(given)).url).toBe(url);
  });

  test.each([
    "http://cpm.example.org",
    "http://127.0.0.1.example.org",
    "http://127.example.org",
    "http://localhost.example.org",
    "http://[2001:db8::1]",
  ])("%s is refused, because it is not this machine and passwords would be sent unencrypted", async (given) => {
    const refused = await addressOf(given).catch((cause: unknown) => cause);
    expect(refused).toBeInstanceOf(ClientFault);
    expect((refused as ClientFault).problem.code).toBe("client_registry_insecure");
    expect((await addressOf(given, true)).url).toBe(given);
  });
});
