import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { healthcheck } from "../../src/cli/healthcheck.ts";
import { ConfigError } from "../../src/config/config.ts";
import { PROGRAM } from "../support/program.ts";
import { talk } from "../support/raw-client.ts";
import { startRegistry } from "../support/registry.ts";

const directory = mkdtempSync(join(tmpdir(), "cpm-hosts-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hasIpv6 = Object.values(networkInterfaces()).some((found) => found?.some(({ address }) => address === "::1"));
if (!hasIpv6) console.log("Not tested on IPv6: this machine has no ::1.");

test.each(["127.0.0.1", "localhost", "0.0.0.0", ...(hasIpv6 ? ["[::1]", "::1", "[::]", "::"] : [])])(
  "a server with HOST=%s listens there, and healthcheck with the same settings finds it",
  async (host) => {
    const registry = await startRegistry("sqlite", { env: { HOST: host } });
    try {
      const { port } = new URL(registry.url);
      const settings = join(directory, "config.json");
      writeFileSync(settings, JSON.stringify({ Host: host, Port: Number(port) }));
      expect(await healthcheck(settings, undefined)).toBe(0);
    } finally {
      await registry.stop();
    }
  },
);

test.each(["192.0.2.7", "no-such-host.invalid"])(
  "a server with HOST=%s, which is no address of the machine, names the setting",
  async (host) => {
    const started = startRegistry("sqlite", { env: { HOST: host } });
    expect(await started.catch((cause) => cause)).toBeInstanceOf(ConfigError);
    expect(await started.catch(({ problems }) => problems[0].setting)).toBe("HOST");
  },
);

test("an idle connection lives as long as IDLE_TIMEOUT_SECONDS, in steps of four seconds", async () => {
  const registry = await startRegistry("sqlite", { env: { IDLE_TIMEOUT_SECONDS: "12" } });
  try {
    const get = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    const { answers, isClosed, ms } = await talk(registry.url, get, { maxMs: 20_000 });
    expect([answers, isClosed]).toEqual([[200], true]);
    expect(ms).toBeGreaterThan(8_000);
  } finally {
    await registry.stop();
  }
});

test.each([
  ["0.0.0.0", "", true],
  ["127.0.0.1", "", false],
  ["0.0.0.0", "https://cpm.example.org", false],
])(
  "a start with HOST=%s and PUBLIC_URL=%s warns only if others reach it and its address is not set",
  async (host, publicUrl, warns) => {
    const dataDir = mkdtempSync(join(directory, "data-"));
    const env = { PATH: process.env.PATH ?? "", PORT: "0", HOST: host, PUBLIC_URL: publicUrl, DATA_DIR: dataDir };
    const server = Bun.spawn([...PROGRAM, "serve"], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const errors = new Response(server.stderr).text();
    for await (const piece of server.stdout) if (Buffer.from(piece).includes("log.key")) break;
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    expect((await errors).includes("PUBLIC_URL is not set")).toBe(warns);
  },
);
