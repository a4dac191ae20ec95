import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answer, fakeRegistry, problem } from "./fake-registry.ts";
import { User } from "./scene.ts";

/* Certificates, proxies, and what a command prints when the network is in its way. */

const ME = JSON.stringify({ user: { username: "ada", email: "ada@example.org", role: "user", createdAt: "" } });
const TOKEN = { CPM_API_TOKEN: "cpm_secret" };

describe("a registry behind a certificate of an own authority", () => {
  let user: User;
  let server: ReturnType<typeof Bun.serve>;
  let url: string;
  let certificate: string;
  beforeAll(async () => {
    user = await User.make();
    certificate = join(user.directory, "ca.pem");
    const key = join(user.directory, "ca.key");
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    Bun.spawnSync([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ed25519",
      "-nodes",
      "-keyout",
      key,
      "-out",
      certificate,
      "-days",
      "2",
      ...names,
    ]);
    server = Bun.serve({
      port: 0,
      tls: { key: Bun.file(key), cert: Bun.file(certificate) },
      fetch: () => new Response(ME, { headers: { "content-type": "application/json" } }),
    });
    url = `https://localhost:${server.port}`;
  });
  afterAll(async () => {
    server.stop(true);
    await user.remove();
  });

  test("is not trusted, at once and with the option that names the authority", async () => {
    const { code, stderr } = await user.run(["whoami", "--registry", url], { env: TOKEN });
    expect([code, stderr.includes("--cafile")]).toEqual([69, true]);
    expect(stderr).not.toContain("trying again");
  });

  test.each<[string, (file: string) => { args: string[]; env: Record<string, string> }]>([
    ["--cafile", (file) => ({ args: ["--cafile", file], env: {} })],
    ["SSL_CERT_FILE", (file) => ({ args: [], env: { SSL_CERT_FILE: file } })],
  ])("is trusted with %s", async (_, how) => {
    const { args, env } = how(certificate);
    const { code, stdout, stderr } = await user.run(["whoami", "--registry", url, ...args], {
      env: { ...TOKEN, ...env },
    });
    expect({ code, stderr, named: stdout.startsWith("ada at") }).toEqual({ code: 0, stderr: "", named: true });
  });

  test("is trusted with the cafile of a registry that the configuration names", async () => {
    await mkdir(user.home, { recursive: true });
    const named = `registry: work\nregistries:\n  work: {url: "${url}", cafile: "${certificate}"}\n`;
    await writeFile(join(user.home, "config"), named);
    expect((await user.run(["whoami"], { env: TOKEN })).code).toBe(0);
    expect((await user.run(["whoami", "--registry", "work"], { env: TOKEN })).code).toBe(0);
  });
});

describe("a command", () => {
  let user: User;
  beforeAll(async () => {
    user = await User.make();
  });
  afterAll(() => user.remove());

  test("goes through the proxy of the environment, but not to the hosts of NO_PROXY", async () => {
    const proxy = await fakeRegistry(() => answer(200, ME));
    const direct = await fakeRegistry(() => answer(200, ME));
    const args = ["whoami", "--insecure-http", "--registry"];
    const env = { ...TOKEN, HTTP_PROXY: proxy.url, http_proxy: proxy.url };
    expect((await user.run([...args, "http://registry.example"], { env })).code).toBe(0);
    expect(proxy.requests.join("\n")).toContain("GET http://registry.example/api/auth/me ");
    expect(
      (await user.run([...args, direct.url], { env: { ...env, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" } })).code,
    ).toBe(0);
    const asked = ({ requests }: { readonly requests: readonly string[] }) =>
      requests.filter((request) => request.includes("/api/auth/me ")).length;
    expect([asked(proxy), asked(direct)]).toEqual([1, 1]);
    proxy.stop();
    direct.stop();
  });

  test.each<[string, string, number, string]>([
    [
      "a proxy's page",
      answer(200, "<html>Sign in</html>", { "Content-Type": "text/html" }),
      69,
      "does not answer as a registry",
    ],
    ["an expired token", problem(401, "unauthenticated"), 77, "Log in again"],
    [
      "a token without the scope",
      problem(403, "insufficient_scope"),
      77,
      "Log in again, which makes one that may do everything: cpm-registry login",
    ],
    [
      "too many requests for an hour",
      problem(429, "too_many_attempts", { "Retry-After": "3600" }),
      69,
      "Try again in 3600 s.",
    ],
  ])("that meets %s prints one clear reason, and never the token", async (_, reply, exitCode, words) => {
    const registry = await fakeRegistry(() => reply);
    const { code, stdout, stderr } = await user.run(["whoami", "--registry", registry.url], { env: TOKEN });
    expect([code, stdout, stderr.includes(words), stderr.includes("cpm_secret")]).toEqual([exitCode, "", true, false]);
    registry.stop();
  });

  test("whose registry does not answer ends after its timeouts with 69", async () => {
    const registry = await fakeRegistry(() => undefined);
    const login = ["login", registry.url, "--username", "ada", "--password-stdin", "--timeout", "1"];
    const { code, stderr, ms } = await user.run(login, { stdin: "a password\n" });
    expect([code, stderr.includes("no whole answer within 1000 ms")]).toEqual([69, true]);
    expect(ms).toBeLessThan(5_000);
    registry.stop();
  });

  test("that registers at a closed registry says whom to ask", async () => {
    const registry = await fakeRegistry(() => problem(403, "registration_closed"));
    const args = ["register", registry.url, "--username", "ada", "--email", "ada@example.org", "--password-stdin"];
    const { code, stderr } = await user.run(args, { stdin: "a long password\n" });
    expect([code, stderr.includes("Ask its operator for an invitation")]).toEqual([77, true]);
    registry.stop();
  });
});

test("a publish that is interrupted while the registry stalls ends as interrupted and leaves no file", async () => {
  const user = await User.make();
  await user.run(["init", "hello"]);
  await user.run(["key", "generate", "--no-passphrase"]);
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const registry = await fakeRegistry(() => {
    resolve();
    return undefined;
  });
  const running = user.start(["publish", "hello", "--yes", "--registry", registry.url], { env: TOKEN });
  await asked;
  const before = await readdir(user.directory);
  running.kill("SIGINT");
  await running.exited;
  expect([running.signalCode, running.exitCode]).toEqual(["SIGINT", null]);
  const left = (files: readonly string[]) => files.filter((file) => file.startsWith("cpm-"));
  expect([left(before).length, left(await readdir(user.directory))]).toEqual([1, []]);
  registry.stop();
  await user.remove();
});
