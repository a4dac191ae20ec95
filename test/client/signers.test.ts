import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeKey } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { hasTerminal, registered, User } from "./scene.ts";

/* The places from which a signing key may come. */

const hasAgent = ["ssh-agent", "ssh-add", "ssh-keygen"].every((tool) => Bun.which(tool) !== null);
if (!hasAgent) console.log("ssh-agent is missing: no version is signed by one");

describe("a version is signed with", () => {
  let registry: TestRegistry;
  let user: User;
  let cwd: string;
  beforeAll(async () => {
    registry = await startRegistry("sqlite");
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    user = await User.make();
    const name = `s${crypto.randomUUID().slice(0, 8)}`;
    await registered(user, registry.url, name);
    await user.run(["init", name]);
    cwd = join(user.directory, name);
  });
  afterEach(() => user.remove());

  const publish = (env: Record<string, string>, ...more: string[]) =>
    user.run(["publish", "--if-changed", "--json", ...more], { cwd, env });

  test("CPM_SIGNING_KEY as PEM, as the path of a file, and as the hex of the Go client", async () => {
    const { privateKey, publicHex } = makeKey();
    const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const file = join(user.directory, "key.pem");
    await writeFile(file, pem, { mode: 0o600 });
    const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("hex");
    for (const [at, value] of [pem, file, seed, `${seed}${publicHex}`].entries()) {
      const manifest = join(cwd, "colony.yaml");
      await writeFile(manifest, (await readFile(manifest, "utf8")).replace(/^version: .*$/m, `version: 1.0.${at}`));
      const { code, stdout, stderr } = await publish({ CPM_SIGNING_KEY: value });
      expect({ at, code, stderr: code === 0 ? "" : stderr }).toEqual({ at, code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ published: true, verified: true });
      expect(stderr + stdout).not.toContain(seed);
    }
  });

  test.each([
    ["a hex key whose halves do not belong together", `${"11".repeat(32)}${"22".repeat(32)}`],
    ["a key of another kind", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"],
    ["a path of nothing", "/nowhere/key.pem"],
  ])("%s is refused, and is not printed", async (_, value) => {
    const { code, stdout, stderr } = await publish({ CPM_SIGNING_KEY: value });
    expect([code === 64 || code === 77, JSON.parse(stdout).error.code]).toEqual([
      true,
      expect.stringMatching(/^client_key_/),
    ]);
    expect(stdout + stderr).not.toContain("22222222");
  });

  test("a key with a passphrase, from the environment; a wrong one is refused", async () => {
    const right = { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" };
    await user.run(["key", "generate"], { env: right });
    expect((await publish({ CPM_SIGNING_KEY_PASSPHRASE: "another passphrase" })).code).toBe(77);
    expect((await publish({})).code).toBe(64);
    expect((await publish(right)).code).toBe(0);
  });

  test.skipIf(!hasTerminal)("a key with a passphrase that is typed", async () => {
    await user.run(["key", "generate"], { env: { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" } });
    const steps = [
      ["Passphrase of key default: $", "a long passphrase\n"],
      ["\\[y/N\\] $", "y\n"],
    ] as const;
    const { code, output } = await user.type(["publish"], steps, { cwd });
    expect([code, output.includes("a long passphrase")]).toEqual([0, false]);
  });

  test.skipIf(!hasAgent)("a key in ssh-agent, named by its comment or its fingerprint", async () => {
    const socket = join(user.directory, "agent");
    const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdout: "ignore", stderr: "ignore" });
    try {
      const env = { SSH_AUTH_SOCK: socket };
      const key = join(user.directory, "id");
      Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop", "-f", key]);
      for (
        let left = 100;
        left > 0 && Bun.spawnSync(["ssh-add", "-q", key], { env: { ...process.env, ...env } }).exitCode !== 0;
        left -= 1
      ) {
        await Bun.sleep(20);
      }
      const fingerprint =
        Bun.spawnSync(["ssh-keygen", "-lf", `${key}.pub`])
          .stdout.toString()
          .split(" ")[1] ?? "";
      expect((await publish(env, "--key", "agent:ada@laptop")).code).toBe(0);
      expect((await publish(env, "--key", `agent:${fingerprint}`)).code).toBe(0);
      const shown = await user.run(["publish", "--yes", "--key", "agent:bob"], { cwd, env });
      expect([shown.code, shown.stderr.includes(`${fingerprint} (ada@laptop)`)]).toEqual([1, true]);
      expect((await user.run(["publish", "--yes", "--key", "agent:ada@laptop"], { cwd })).stderr).toContain(
        "SSH_AUTH_SOCK",
      );
    } finally {
      agent.kill();
    }
  });

  test("a key that the package does not know is refused with the commands that let it in", async () => {
    await user.run(["key", "generate", "--no-passphrase"]);
    await publish({});
    await user.run(["key", "generate", "second", "--no-passphrase"]);
    const manifest = join(cwd, "colony.yaml");
    await writeFile(manifest, (await readFile(manifest, "utf8")).replace(/^version: .*$/m, "version: 2.0.0"));
    const { code, stderr } = await publish({}, "--key", "second");
    expect(code).toBe(77);
    expect(stderr).toContain("cpm-registry key add");
    expect(stderr).toContain("cpm-registry key request");
  });
});
