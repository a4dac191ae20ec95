import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { Secret } from "../../src/config/secret.ts";
import { requestOutside } from "../../src/runtime/outside-request.ts";
import { destinationOf } from "../../src/webhooks/endpoint.ts";
import { isPublicAddress } from "../../src/webhooks/public-address.ts";
import { retryDelayMs } from "../../src/webhooks/retry-delay.ts";
import { newSecret, openSecret, sealSecret, signatureHeaders } from "../../src/webhooks/secret.ts";
import { sendMessage } from "../../src/webhooks/send-message.ts";

describe("a public address", () => {
  test.each(["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001:800::200e"])(
    "is %s",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  test.each([
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"],
    ...["172.31.255.255", "192.0.0.8", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::ffff:10.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "fc00::1", "fd00:ec2::254", "fe80::1"],
    ...["fe80::1%eth0", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001::1", "2001:db8::1"],
    ...["", "localhost", "1.1.1", "0x7f000001"],
  ])("is not %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe("the destination of a delivery", () => {
  const rules = { webhookAllowedHosts: ["inside.example"] };

  test("is the first address of a name, which is resolved once", async () => {
    const answers = [["93.184.216.34", "2606:4700::1111"], ["127.0.0.1"]];
    const resolve = async () => answers.shift() ?? [];
    expect(await destinationOf(rules, "https://rebinding.example/", resolve)).toEqual({ address: "93.184.216.34" });
    expect(answers.length).toBe(1);
    expect(await destinationOf(rules, "https://rebinding.example/", resolve)).toHaveProperty("refusal");
  });

  test("is refused if one of several addresses is internal", async () => {
    const resolve = async () => ["93.184.216.34", "169.254.169.254"];
    expect(await destinationOf(rules, "https://mixed.example/", resolve)).toHaveProperty("refusal");
  });

  test("may be internal and by http only for a host that the operator allows", async () => {
    const resolve = async () => ["10.0.0.5"];
    expect(await destinationOf(rules, "http://inside.example:8080/", resolve)).toEqual({ address: "10.0.0.5" });
    expect(await destinationOf(rules, "http://not.inside.example/", resolve)).toHaveProperty("refusal");
    expect(await destinationOf(rules, "https://not.inside.example/", resolve)).toHaveProperty("refusal");
  });
});

describe("the secret of a webhook", () => {
  const keys = (...all: [string, ...string[]]) => new Secret(all);

  test("opens with the present and the previous key, and for its own webhook only", () => {
    const secret = newSecret();
    const sealed = sealSecret(keys("old"), "one", secret);
    expect(sealed).not.toContain(secret.slice(6));
    expect(openSecret(keys("old"), "one", sealed)).toEqual({ secret, isCurrent: true });
    expect(openSecret(keys("new", "old"), "one", sealed)).toEqual({ secret, isCurrent: false });
    expect(openSecret(keys("new"), "one", sealed)).toBeUndefined();
    expect(openSecret(keys("old"), "two", sealed)).toBeUndefined();
    expect(openSecret(keys("old"), "one", "AAAA")).toBeUndefined();
  });

  test("signs as the library of Standard Webhooks does", () => {
    const secret = newSecret();
    const now = new Date();
    const message = { id: "evt_1", body: '{"type":"a","data":"ä"}' };
    const headers = signatureHeaders(secret, message, now);
    expect(headers["webhook-signature"]).toBe(new Webhook(secret).sign(message.id, now, message.body));
    expect(new Webhook(secret).verify(message.body, headers)).toEqual({ type: "a", data: "ä" });
    expect(() => new Webhook(secret).verify(`${message.body} `, headers)).toThrow();
  });
});

test("retries wait from 5 seconds to 24 hours, up to a fifth less by chance, and end", () => {
  const delays = Array.from({ length: 10 }, (_, at) => retryDelayMs(at + 1, 0));
  expect([delays[0], delays[8], delays[9]]).toEqual([5_000, 24 * 3_600_000, undefined]);
  expect(retryDelayMs(1, 1)).toBe(4_000);
});

describe("a delivery over https", () => {
  let directory: string;
  let server: ReturnType<typeof Bun.serve>;
  let certificates: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "cpm-hook-"));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example"];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject];
    const made = Bun.spawn(["openssl", ...args, "-keyout", key, "-out", cert], { stderr: "ignore" });
    expect(await made.exited).toBe(0);
    certificates = await Bun.file(cert).text();
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key: await Bun.file(key).text(), cert: certificates },
      fetch: ({ headers }) => new Response(headers.get("host")),
    });
  });
  afterAll(async () => {
    await server.stop(true);
    await rm(directory, { recursive: true, force: true });
  });

  test("connects to the given address, for the name and with the certificate of the name", async () => {
    const bounds = { maxMs: 5_000, maxBytes: 100, certificates, connectTo: "127.0.0.1" };
    const host = `hook.example:${server.port}`;
    const { status, body } = await requestOutside(`https://${host}/`, bounds);
    expect([status, Buffer.from(body).toString()]).toEqual([200, host]);
    const lying = requestOutside(`https://other.example:${server.port}/`, bounds);
    expect(await lying.catch(({ code }) => code)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("fails where the certificate is not to be trusted, and does not say the address", async () => {
    const jwtKeys = new Secret(["a key of tests"] as const);
    const deps = {
      config: { webhookAllowedHosts: ["hook.example"] },
      clock: () => new Date(),
      jwtKeys,
      resolve: async () => ["127.0.0.1"],
    };
    const webhook = {
      id: "one",
      url: `https://hook.example:${server.port}/token`,
      sealedSecret: sealSecret(jwtKeys, "one", newSecret()),
    };
    const { signal } = new AbortController();
    const attempt = await sendMessage(deps, webhook, { id: "evt_1", body: "{}" }, signal);
    expect(attempt).toMatchObject({ outcome: "failed", status: null });
    expect(attempt.reason).toMatch(/^its certificate is not accepted \([A-Z_]+\)$/);
  });
});
