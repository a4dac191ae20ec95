import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readDocument } from "../docs/documents.ts";
import { Client } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { hasTerminal, PASSWORD, registered, User } from "./scene.ts";

/* What a newcomer types, and what a script runs: register, init, publish. */

if (!hasTerminal) console.log("python3 is missing: no test types at a terminal");

onBothDatabases("the first minutes with the client", (registry) => {
  let user: User;
  beforeEach(async () => {
    user = await User.make();
  });
  afterEach(() => user.remove());

  const name = () => `hello-${registry().kind}-${crypto.randomUUID().slice(0, 8)}`;
  const username = () => `u${crypto.randomUUID().slice(0, 12)}`;
  const modeOf = async (path: string) => (await stat(join(user.home, path))).mode & 0o777;

  test.skipIf(!hasTerminal)("the three commands of the README publish a signed package at a terminal", async () => {
    const [who, pack] = [username(), name()];
    expect(readDocument("README.md")).toContain(`
    cpm-registry register http://localhost:5000
    cpm-registry init hello && cd hello
    cpm-registry publish
`);
    const typed = await user.type(
      ["register", registry().url],
      [
        ["User name: $", "not a name!\n"],
        ["E-mail: $", `${who}@example.org\n`],
        ["Password .*: $", "short\n"],
        ["too short.*\\s+Password .*: $", `${PASSWORD}\n`],
        ["again: $", "another password\n"],
        ["differ.*\\s+Password .*: $", `${PASSWORD}\n`],
        ["again: $", `${PASSWORD}\n`],
        ["must be 1 to 64 letters.*\\s+User name: $", `${who}\n`],
      ],
    );
    expect([typed.code, typed.unasked]).toEqual([0, []]);
    expect(typed.output).toContain(`you are ${who} at ${registry().url}`);
    expect(typed.output).not.toContain(PASSWORD);
    expect([await modeOf("credentials.json"), await modeOf("config")]).toEqual([0o600, 0o644]);

    expect((await user.type(["init", pack], [])).code).toBe(0);
    const steps = [
      ["passphrase protects the key.*: $", "\n"],
      [`Publish ${pack} 0.1.0 to .*\\? \\[y/N\\] $`, "y\n"],
    ] as const;
    const published = await user.type(["publish"], steps, { cwd: join(user.directory, pack) });
    expect([published.code, published.unasked]).toEqual([0, []]);
    expect(published.output).toMatch(new RegExp(`${pack} 0.1.0 published, log index \\d+\\.`));
    expect([await modeOf("keys/default.pem"), await modeOf("keys/default.pub")]).toEqual([0o600, 0o644]);
    const { body } = await new Client(registry().url).get(`/api/packages/${pack}/0.1.0`);
    expect([body.publishedBy, body.signature.scheme]).toEqual([who, "cpm-v1"]);
  });

  test.skipIf(!hasTerminal)("a publish whose question is answered with no publishes nothing", async () => {
    const pack = name();
    await registered(user, registry().url, username());
    await user.run(["init", pack]);
    await user.run(["key", "generate", "--no-passphrase"]);
    const cwd = join(user.directory, pack);
    const { code, output } = await user.type(["publish"], [["\\[y/N\\] $", "\n"]], { cwd });
    expect([code, output.includes("Nothing was published")]).toEqual([1, true]);
    expect((await new Client(registry().url).get(`/api/packages/${pack}`)).status).toBe(404);
  });

  test.skipIf(!hasTerminal)("Ctrl-C at a secret question ends the command with 130", async () => {
    const { code } = await user.type(
      ["login", registry().url, "--username", "ada"],
      [["Password .*: $", "secr\u0003"]],
    );
    expect(code).toBe(130);
  });

  test("the same without a terminal needs options, and a second version is an edit and a publish", async () => {
    const [who, pack] = [username(), name()];
    await registered(user, registry().url, who);
    expect((await user.run(["whoami", "--json"])).stdout).toContain(`"username":"${who}"`);
    expect((await user.run(["init", pack, "--description", "Says hello"])).code).toBe(0);
    const cwd = join(user.directory, pack);
    expect(await user.run(["publish"], { cwd })).toMatchObject({ code: 64, stdout: "" });
    expect((await user.run(["key", "generate", "--no-passphrase"])).code).toBe(0);
    const unasked = await user.run(["publish"], { cwd });
    expect([unasked.code, unasked.stderr.includes("--yes")]).toEqual([64, true]);

    const first = await user.run(["publish", "--yes", "--json"], { cwd });
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ name: pack, version: "0.1.0", published: true, verified: true });
    const manifest = join(cwd, "colony.yaml");
    await writeFile(manifest, (await readFile(manifest, "utf8")).replace("0.1.0", "0.2.0"));
    const second = await user.run(["publish", "--yes"], { cwd });
    expect(second.stdout).toMatch(new RegExp(`^${pack} 0.2.0 published, log index \\d+\\.\n$`));
  });

  describe("publishing a version again", () => {
    let cwd: string;
    beforeEach(async () => {
      await registered(user, registry().url, username());
      const pack = name();
      await user.run(["init", pack]);
      await user.run(["key", "generate", "--no-passphrase"]);
      cwd = join(user.directory, pack);
      expect((await user.run(["publish", "--if-changed"], { cwd })).code).toBe(0);
    });

    test("with the same files is a success that says so", async () => {
      const again = await user.run(["publish", "--if-changed", "--json"], { cwd });
      expect([again.code, JSON.parse(again.stdout).unchanged]).toEqual([0, true]);
      expect((await user.run(["publish", "--yes"], { cwd })).stdout).toContain(
        "was published before, with the same bytes",
      );
    });

    test("with other files is refused with the files that differ and the next step", async () => {
      await writeFile(join(cwd, "README.md"), "changed");
      await writeFile(join(cwd, "new.txt"), "new");
      for (const how of ["--if-changed", "--yes"]) {
        const { code, stdout, stderr } = await user.run(["publish", how, "--json"], { cwd });
        expect([how, code, JSON.parse(stdout).error]).toMatchObject([
          how,
          65,
          { code: "version_exists", errors: [{ path: "README.md" }, { path: "new.txt", message: "is added" }] },
        ]);
        expect(stderr).toContain("Raise version in colony.yaml");
      }
    });

    test("a dry run asks the registry and stores nothing", async () => {
      const manifest = join(cwd, "colony.yaml");
      await writeFile(manifest, (await readFile(manifest, "utf8")).replace("0.1.0", "0.3.0"));
      const { code, stdout } = await user.run(["publish", "--dry-run"], { cwd });
      expect([code, stdout.includes("would be published")]).toEqual([0, true]);
      expect((await user.run(["publish", "--dry-run", "--json"], { cwd })).stdout).toContain('"dryRun":true');
    });
  });

  test("logout revokes the token at the registry and forgets it here", async () => {
    await registered(user, registry().url, username());
    const stored = JSON.parse(await readFile(join(user.home, "credentials.json"), "utf8"));
    const { token } = stored[registry().url];
    expect((await user.run(["logout"])).code).toBe(0);
    expect(await user.run(["whoami"])).toMatchObject({ code: 77, stdout: "" });
    expect((await new Client(registry().url, token).get("/api/auth/me")).status).toBe(401);
    expect((await user.run(["logout"])).code).toBe(0);
  });

  test("an API token from elsewhere is kept with --token-stdin, and CPM_API_TOKEN is used before it", async () => {
    await registered(user, registry().url, username());
    const token = JSON.parse(await readFile(join(user.home, "credentials.json"), "utf8"))[registry().url].token;
    const other = await User.make();
    const kept = await other.run(["login", registry().url, "--token-stdin"], { stdin: `${token}\n` });
    const env = { CPM_API_TOKEN: "cpm_wrong", CPM_REGISTRY: registry().url };
    const wrong = await other.run(["whoami"], { env });
    expect([kept.code, wrong.code]).toEqual([0, 77]);
    expect(wrong.stderr).not.toContain(token);
    await other.remove();
  });
});
