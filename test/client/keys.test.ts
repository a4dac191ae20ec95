import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "../support/client.ts";
import { onBothDatabases, TEST_LOG_ORIGIN } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { hasTerminal, PASSWORD, registered, User } from "./scene.ts";

/* Signing keys: on this machine, of the account and of packages. */

describe("keys on this machine", () => {
  let user: User;
  beforeEach(async () => {
    user = await User.make();
  });
  afterEach(() => user.remove());

  test("a key is made with private modes, listed, shown and never overwritten", async () => {
    const made = await user.run(["key", "generate", "--no-passphrase", "--json"]);
    const { keyId, publicKey, path } = JSON.parse(made.stdout);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await user.run(["key", "list"])).stdout).toBe(`default\t${keyId}\tnone\n`);
    expect((await user.run(["key", "show"])).stdout).toBe(`${publicKey}\n`);
    const before = await readFile(path, "utf8");
    expect((await user.run(["key", "generate", "--no-passphrase"])).code).toBe(65);
    expect(await readFile(path, "utf8")).toBe(before);
  });

  test("openssl reads a key with a passphrase and its backup, and derives the same public key", async () => {
    const env = { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" };
    const { stdout } = await user.run(["key", "generate", "--json"], { env });
    const { publicKey, path } = JSON.parse(stdout);
    const copy = join(user.directory, "copy.pem");
    expect((await user.run(["key", "backup", "--out", copy])).code).toBe(0);
    for (const file of [path, copy]) {
      const args = ["pkey", "-in", file, "-passin", "pass:a long passphrase", "-pubout", "-outform", "DER"];
      const { stdout: der } = Bun.spawnSync(["openssl", ...args]);
      expect(der.subarray(-32).toString("hex")).toBe(publicKey);
    }
    expect((await user.run(["key", "backup", "--out", copy])).code).toBe(65);
  });

  test("a backup of a key without a passphrase gets one, or is refused", async () => {
    await user.run(["key", "generate", "--no-passphrase"]);
    const args = ["key", "backup", "--out", join(user.directory, "copy.pem")];
    expect((await user.run(args)).code).toBe(64);
    expect((await user.run(args, { env: { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" } })).code).toBe(0);
    expect(await readFile(join(user.directory, "copy.pem"), "utf8")).toContain("BEGIN ENCRYPTED PRIVATE KEY");
  });
});

onBothDatabases(
  "keys of accounts and packages",
  (registry) => {
    let alice: User;
    let cwd: string;
    let pack: string;
    let aliceName: string;
    const stdin = `${PASSWORD}\n`;
    const plain = ["--no-passphrase"];
    const activeKeys = async () => {
      const { body } = await new Client(registry().url).get(`/api/packages/${pack}/keys`);
      return body.keys
        .filter((key: { status: string }) => key.status === "active")
        .map((key: { keyId: string }) => key.keyId);
    };
    const publishNext = async (user: User, directory: string, version: string, ...more: string[]) => {
      const manifest = join(directory, "colony.yaml");
      await writeFile(manifest, (await readFile(manifest, "utf8")).replace(/^version: .*$/m, `version: ${version}`));
      return user.run(["publish", "--yes", ...more], { cwd: directory });
    };

    beforeEach(async () => {
      alice = await User.make();
      pack = `keys-${registry().kind}-${crypto.randomUUID().slice(0, 8)}`;
      aliceName = `a${crypto.randomUUID().slice(0, 12)}`;
      await registered(alice, registry().url, aliceName);
      await alice.run(["init", pack]);
      await alice.run(["key", "generate", ...plain]);
      cwd = join(alice.directory, pack);
      expect((await publishNext(alice, cwd, "0.1.0")).code).toBe(0);
    });
    afterEach(() => alice.remove());

    test("one command rotates a key that lies there without its public half, and the next version is signed with the new one", async () => {
      await rm(join(alice.home, "keys/default.pub"));
      const [before] = await activeKeys();
      const { code, stdout, stderr } = await alice.run(
        ["key", "rotate", "--yes", ...plain, "--password-stdin", "--json"],
        { stdin },
      );
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const { keyId, replaced, packages } = JSON.parse(stdout);
      expect({ replaced, packages, active: await activeKeys() }).toEqual({
        replaced: before,
        packages: [pack],
        active: [keyId],
      });
      expect((await alice.run(["key", "list"])).stdout).toContain(`default\t${keyId}`);
      expect((await publishNext(alice, cwd, "0.2.0")).code).toBe(0);
    });

    test.skipIf(!hasTerminal)(
      "rotating at a terminal asks for the password, a confirmation and a passphrase",
      async () => {
        const rotated = await alice.type(
          ["key", "rotate"],
          [
            ["Password of .*: $", `${PASSWORD}\n`],
            ["which signs .*\\[y/N\\] $", "y\n"],
            ["Passphrase for the new key .*: $", "a new passphrase\n"],
            ["again: $", "a new passphrase\n"],
          ],
        );
        expect([rotated.code, rotated.unasked]).toEqual([0, []]);
        expect(rotated.output).toMatch(/Key \w{32} took the place of \w{32} for 1 package\./);
        expect(await activeKeys()).toHaveLength(1);
      },
    );

    test("one command rotates the key of packages that are in no search, whatever the API token is for", async () => {
      const hidden = `${pack}-hidden`;
      await alice.run(["init", hidden]);
      expect((await publishNext(alice, join(alice.directory, hidden), "1.0.0")).code).toBe(0);
      expect((await alice.run(["yank", `${hidden}@1.0.0`, "--yes"])).code).toBe(0);
      const admin = await newAdmin(registry());
      const reason = { reason: "looked at", category: "policy" };
      expect((await admin.send("PUT", `/api/packages/${pack}/quarantine`, reason)).status).toBe(200);
      const login = ["--registry", registry().url, "--username", aliceName, "--password-stdin"];
      const only = ["token", "create", "--label", "one package", "--scope", "read", "--package", pack];
      const token = (await alice.run([...only, ...login], { stdin })).stdout.trim();
      const rotate = ["key", "rotate", "--yes", ...plain, ...login, "--json"];
      const { code, stdout } = await alice.run(rotate, { stdin, env: { CPM_API_TOKEN: token } });
      expect([code, JSON.parse(stdout).packages]).toEqual([0, [pack, hidden]]);
      const pinned = (await alice.run(["key", "list", "--package", hidden])).stdout;
      expect(pinned).toContain("\tsuperseded\t");
      expect(await activeKeys()).toEqual([JSON.parse(stdout).keyId]);
      const { checks } = JSON.parse((await alice.run(["doctor", "--json"])).stdout);
      const keys = checks.filter(({ check }: { check: string }) => check === "keys");
      expect(keys.map(({ detail }: { detail: string }) => detail)).toEqual([
        `key default may sign ${pack}`,
        `key default may sign ${hidden}`,
      ]);
    });

    test("a second key is added, takes the first one out, and the first is retired", async () => {
      await alice.run(["key", "generate", "laptop", ...plain]);
      const signed = ["--package", pack, "--password-stdin"];
      expect((await publishNext(alice, cwd, "0.2.0", "--key", "laptop")).code).toBe(77);
      expect((await alice.run(["key", "add", "laptop", ...signed], { stdin })).code).toBe(0);
      expect(await activeKeys()).toHaveLength(2);
      expect((await publishNext(alice, cwd, "0.2.0", "--key", "laptop")).code).toBe(0);
      const removal = [
        "key",
        "remove",
        "default",
        "--key",
        "laptop",
        "--compromised",
        "--since",
        "0.2.0",
        "--yes",
        ...signed,
      ];
      expect((await alice.run(removal, { stdin })).code).toBe(0);
      expect((await alice.run(["key", "retire", "default", "--yes", "--password-stdin"], { stdin })).code).toBe(0);
      const listed = (await alice.run(["key", "list", "--package", pack])).stdout.trim().split("\n");
      expect(listed.map((line) => line.split("\t").slice(1, 2).concat(line.split("\t").slice(3)))).toEqual([
        ["compromised", "default"],
        ["active", "laptop"],
      ]);
    });

    test("a co-owner's key is let in with one line passed each way", async () => {
      const bob = await User.make();
      const bobName = `b${crypto.randomUUID().slice(0, 12)}`;
      await registered(bob, registry().url, bobName);
      await bob.run(["key", "generate", ...plain]);
      const asked = await bob.run(["key", "request", "--package", pack]);
      expect(asked.stdout).toMatch(/^cpm-key-request-v1\.[A-Za-z0-9_-]+\n$/);
      const line = asked.stdout.trim();
      const approve = ["key", "approve", line, "--password-stdin"];
      expect((await alice.run(approve, { stdin })).code).toBe(64);
      const approved = await alice.run([...approve, "--yes"], { stdin });
      expect({ code: approved.code, active: (await activeKeys()).length }).toEqual({ code: 0, active: 2 });
      expect(approved.stderr).toContain(bobName);
      // It is good once, and a changed line is good for nothing.
      expect((await alice.run([...approve, "--yes"], { stdin })).code).toBe(65);
      expect(
        (await alice.run(["key", "approve", line.slice(0, -9), "--yes", "--password-stdin"], { stdin })).code,
      ).toBe(64);
      await bob.remove();
    });

    test("an interrupted rotation goes on with the same new key", async () => {
      await alice.run(["key", "generate", "default-next", ...plain]);
      const { keyId: begun } = JSON.parse((await alice.run(["key", "show", "default-next", "--json"])).stdout);
      await alice.run(["key", "add", "default-next", "--package", pack, "--password-stdin"], { stdin });
      expect((await alice.run(["key", "rotate", "--yes", "--password-stdin"], { stdin })).code).toBe(0);
      expect(await activeKeys()).toEqual([begun]);
    });
  },
  { env: { PUBLIC_URL: "http://localhost", LOG_ORIGIN: TEST_LOG_ORIGIN } },
);
