import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, type TestRegistry } from "../support/registry.ts";
import { hasTerminal, User } from "./scene.ts";

onBothDatabases("the client's commands for packages, owners and tokens", (registry: () => TestRegistry) => {
  let user: User;
  let owner: Client;
  let other: Client;

  beforeAll(async () => {
    user = await User.make();
    owner = await newAccount(registry());
    other = await newAccount(registry());
    const key = makeKey();
    for (const version of ["0.1.0", "0.2.0"]) {
      const published = await owner.publish("hello", version, makePackage({ name: "hello", version }), key);
      expect(published.status).toBe(201);
    }
    await owner.publish("greeter", "1.0.0", makePackage({ name: "greeter", version: "1.0.0" }), key);
  });
  afterAll(() => user.remove());

  const as = (account: Client, ...args: string[]) => {
    const env = { CPM_API_TOKEN: account.token ?? "", CPM_REGISTRY: registry().url };
    return user.run(args, { env });
  };
  /** Runs a command that asks for a password. */
  const withPassword = (...args: string[]) => {
    const all = [...args, "--registry", registry().url, "--username", owner.username, "--password-stdin"];
    return user.run(all, { stdin: `${PASSWORD}\n` });
  };
  const latest = async () => (await owner.get("/api/packages/hello")).body;

  describe("yank", () => {
    test("asks first, and without a terminal names the option that answers", async () => {
      const { code, stderr } = await as(owner, "yank", "hello@0.2.0");
      expect([code, stderr.includes("--yes"), (await latest()).latest]).toEqual([64, true, "0.2.0"]);
    });

    test.skipIf(!hasTerminal)("asks at a terminal by naming the version, and no changes nothing", async () => {
      const env = { CPM_API_TOKEN: owner.token ?? "", CPM_REGISTRY: registry().url };
      const refused = await user.type(["yank", "hello@0.2.0"], [["Yank hello@0\\.2\\.0 at .*\\[y/N\\] $", "n\n"]], {
        env,
      });
      expect([refused.code, refused.output.includes("Nothing was changed"), refused.unasked]).toEqual([1, true, []]);
      expect((await latest()).latest).toBe("0.2.0");
    });

    test("takes a version back, twice without a difference, and unyank takes that back", async () => {
      const args = [
        "yank",
        "hello@0.2.0",
        "--reason",
        "broken",
        "--message",
        "Fails",
        "--replacement",
        "0.1.0",
        "--yes",
      ];
      for (const _ of [1, 2]) {
        const { code, stdout } = await as(owner, ...args);
        expect([code, stdout]).toEqual([
          0,
          "hello@0.2.0 is yanked. To take that back: cpm-registry unyank hello@0.2.0\n",
        ]);
      }
      expect((await latest()).latest).toBe("0.1.0");
      const { stdout } = await as(owner, "unyank", "hello@0.2.0", "--yes", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ version: "0.2.0", yanked: false });
    });

    test("wants a version, and an owner", async () => {
      const bare = await as(owner, "yank", "hello", "--yes");
      expect([bare.code, bare.stderr.includes("hello@<version>")]).toEqual([64, true]);
      const foreign = await as(other, "yank", "hello@0.1.0", "--yes", "--json");
      expect([foreign.code, JSON.parse(foreign.stdout).error.code]).toEqual([77, "not_an_owner"]);
      const wrong = await as(owner, "yank", "hello@0.1.0", "--reason", "sad", "--yes");
      expect([wrong.code, wrong.stderr.includes("broken")]).toEqual([64, true]);
    });
  });

  test("deprecate, archive and activate change the status of a package", async () => {
    const { code } = await as(
      owner,
      "deprecate",
      "hello",
      "--message",
      "Use greeter",
      "--replacement",
      "greeter",
      "--yes",
    );
    expect(code).toBe(0);
    expect(await latest()).toMatchObject({
      status: "deprecated",
      statusMessage: "Use greeter",
      statusReplacement: "greeter",
    });
    expect((await as(owner, "archive", "hello", "--yes")).code).toBe(0);
    expect((await latest()).status).toBe("archived");
    const { stdout } = await as(owner, "activate", "hello", "--yes");
    expect([stdout, (await latest()).status]).toEqual(["hello is active.\n", "active"]);
    const missing = await as(owner, "archive", "helo", "--yes");
    expect([missing.code, missing.stderr.includes("Did you mean hello?")]).toEqual([1, true]);
  });

  test("an owner invites, the other account accepts, and both can be seen and removed", async () => {
    expect((await as(owner, "owner", "invite", "hello", other.username, "--yes")).code).toBe(0);
    expect((await as(owner, "owner", "list", "hello")).stdout).toContain(`${other.username}\tinvited\t`);
    expect((await as(other, "owner", "accept", "hello")).code).toBe(0);
    const { stdout } = await as(other, "owner", "list", "hello", "--json");
    expect(
      JSON.parse(stdout)
        .items.map((each: { username: string }) => each.username)
        .toSorted(),
    ).toEqual([owner.username, other.username].toSorted());
    expect((await as(owner, "owner", "remove", "hello", other.username, "--yes")).code).toBe(0);
    const last = await as(owner, "owner", "remove", "hello", owner.username, "--yes", "--json");
    expect([last.code, JSON.parse(last.stdout).error.code]).toEqual([65, "last_owner"]);
  });

  describe("token", () => {
    test("create prints the token alone, and it may do what was asked for and no more", async () => {
      const made = await withPassword(
        "token",
        "create",
        "--label",
        "hello in CI",
        "--package",
        "hello",
        "--scope",
        "yank",
      );
      expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^cpm_[0-9A-Za-z]{36}\n$/)]);
      expect(made.stderr).not.toContain(made.stdout.trim());
      const token = { ...owner, token: made.stdout.trim() } as Client;
      expect((await as(token, "yank", "hello@0.1.0", "--yes")).code).toBe(0);
      const refused = await as(token, "owner", "invite", "hello", other.username, "--yes");
      expect([refused.code, refused.stderr.includes("cpm-registry login")]).toEqual([77, true]);
      const { stdout } = await withPassword("token", "list");
      expect(stdout).toContain("\thello in CI\tyank\thello\t");
      expect((await withPassword("token", "revoke", "hello in CI", "--yes")).code).toBe(0);
      expect((await as(token, "whoami")).code).toBe(77);
    });

    test("revoke reports an unknown token, and create a wrong scope before it asks for anything", async () => {
      const unknown = await withPassword("token", "revoke", "no such", "--yes");
      expect([unknown.code, unknown.stderr.includes("token list")]).toEqual([1, true]);
      const { code } = await as(owner, "token", "create", "--label", "x", "--scope", "everything");
      expect(code).toBe(64);
      const silent = await as(owner, "token", "list", "--username", owner.username);
      expect([silent.code, silent.stderr.includes("--password-stdin")]).toEqual([64, true]);
    });
  });
});
