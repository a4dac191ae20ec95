import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { onBothDatabases, startRegistry, TEST_LOG_ORIGIN, type TestRegistry } from "../support/registry.ts";
import { BadRegistry } from "./bad-registry.ts";
import { hasTerminal, registered, User } from "./scene.ts";

/* What somebody sees who does something for the first time, or types something wrong. */

/** Nothing listens there. */
const NOBODY = "http://127.0.0.1:1";
const ESCAPE = "\u001b[";
const stdin = `${PASSWORD}\n`;

let registry: TestRegistry;
let bad: BadRegistry;
let user: User;
let owner: Client;
let other: Client;

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  bad = new BadRegistry(() => registry.url);
  user = await User.make();
  [owner, other] = [await newAccount(registry), await newAccount(registry)];
  const key = makeKey();
  for (const version of ["0.1.0", "0.2.0"]) {
    const archive = makePackage({ name: "hello", version });
    expect((await owner.publish("hello", version, archive, key)).status).toBe(201);
  }
});
afterAll(async () => {
  await user.remove();
  await bad.stop();
  await registry.stop();
});

const envOf = (account: Client, more: Record<string, string> = {}) => {
  return { CPM_API_TOKEN: account.token ?? "", CPM_REGISTRY: registry.url, ...more };
};
const as = (account: Client, ...args: string[]) => user.run(args, { env: envOf(account) });

describe("a terminal", () => {
  test.skipIf(!hasTerminal)("has no question for an address where nobody listens", async () => {
    for (const command of ["register", "login"]) {
      const { code, output } = await user.type([command, NOBODY], []);
      expect([code, output.includes("User name")]).toEqual([69, false]);
    }
  });

  test.skipIf(!hasTerminal)("has no question for a server that is no registry", async () => {
    bad.misbehave = () => Response.json({ hello: "world" });
    const { code, output } = await user.type(["login", bad.url], []);
    bad.reset();
    expect([code, output.includes("does not answer as a registry does")]).toEqual([69, true]);
  });

  test.skipIf(!hasTerminal)("asks for a wrong password three times, and then gives up", async () => {
    const question = ["Password of .*: $", "wrong wrong wrong\n"] as const;
    const login = ["login", registry.url, "--username", other.username];
    const failed = await user.type(login, [question, question, question]);
    expect([failed.code, failed.unasked]).toEqual([77, []]);
    const right = await user.type(login, [question, ["Password of .*: $", stdin]]);
    expect([right.code, right.unasked]).toEqual([0, []]);
    expect((await user.run(["logout", registry.url])).code).toBe(0);
  });

  test.skipIf(!hasTerminal)("asks for the passphrase of a key again where it was wrong", async () => {
    const env = { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" };
    const { stdout } = await user.run(["key", "generate", "secret", "--json"], { env });
    const { path } = JSON.parse(stdout);
    const wrong = ["Passphrase of key .*: $", "wrong\n"] as const;
    const steps = [wrong, ["Type it again.*\\s+Passphrase .*: $", "a long passphrase\n"]] as const;
    // `key show` reads the whole key of a file that it does not know.
    const shown = await user.type(["key", "show", path], steps);
    expect([shown.code, shown.unasked]).toEqual([0, []]);
    const failed = await user.type(["key", "show", path], [wrong, wrong, wrong]);
    expect([failed.code, failed.output.includes("The passphrase is wrong")]).toEqual([77, true]);
  });

  test.skipIf(!hasTerminal)("shows failures and findings in colour, and none where nobody wants them", async () => {
    const failing = ["info", "no-such-package", "--registry", registry.url];
    expect((await user.type(failing, [])).output).toContain(`${ESCAPE}31mcpm-registry info failed:`);
    expect((await user.type(["doctor", "--registry", registry.url], [])).output).toContain(`${ESCAPE}32mok`);
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }] as Record<string, string>[])
      expect((await user.type(failing, [], { env })).output).not.toContain(ESCAPE);
    for (const more of [["--color", "never"], ["--json"]])
      expect((await user.type([...failing, ...more], [])).output).not.toContain(ESCAPE);
  });
});

test("colours go to a pipe only with --color always or the configuration, and never into a document", async () => {
  const failing = ["info", "no-such-package", "--registry", registry.url];
  expect((await user.run(failing)).stderr).not.toContain(ESCAPE);
  expect((await user.run([...failing, "--color", "always"])).stderr).toContain(ESCAPE);
  const json = await user.run([...failing, "--color", "always", "--json"]);
  expect(json.stdout + json.stderr).not.toContain(ESCAPE);
  expect((await user.run(["config", "set", "color", "always"])).code).toBe(0);
  expect((await user.run(failing)).stderr).toContain(ESCAPE);
  expect((await user.run(failing, { env: { NO_COLOR: "1" } })).stderr).not.toContain(ESCAPE);
  expect((await user.run(["config", "set", "color", ""])).code).toBe(0);
  expect((await user.run([...failing, "--color", "blue"])).code).toBe(64);
});

describe("config", () => {
  test.each([
    ["color", "never", "blue"],
    ["minimumAge", "7d", "a week"],
    ["registry", "https://cpm.example.org", "two words"],
    ["registries.work.url", "https://cpm.work.example", "work"],
  ])("set %s accepts %s, which get prints, and refuses %p", async (name, right, wrong) => {
    expect((await user.run(["config", "set", name, wrong])).code).toBe(64);
    expect((await user.run(["config", "set", name, right])).code).toBe(0);
    expect((await user.run(["config", "get", name])).stdout).toBe(`${right}\n`);
    expect((await user.run(["config", "set", name, ""])).code).toBe(0);
  });

  test.each(["color: blue", "minimumAge: soon"])("with %p is refused with the rule", async (text) => {
    const home = await User.make();
    await mkdir(home.home);
    await writeFile(join(home.home, "config"), text);
    const { code, stderr } = await home.run(["config", "list"]);
    expect([code, stderr.includes("must be")]).toEqual([1, true]);
    await home.remove();
  });
});

describe("yank", () => {
  test("refuses a version that is not there and a reason that is none before it asks", async () => {
    // Without a terminal, the question would be exit code 64.
    const missing = await as(owner, "yank", "hello@9.9.9");
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("info hello --versions")]);
    const reason = await as(owner, "yank", "hello@0.1.0", "--reason", "sad");
    expect([reason.code, reason.stderr]).toEqual([64, expect.stringContaining("broken, security")]);
    const status = await as(owner, "deprecate", "no-such-package");
    expect([status.code, status.stderr]).toEqual([1, expect.stringContaining("There is no package")]);
  });

  test("of nothing is nothing that unyank takes back", async () => {
    const { code, stdout } = await as(owner, "unyank", "hello@0.1.0");
    expect([code, stdout]).toEqual([0, "hello@0.1.0 was not yanked. Nothing was changed.\n"]);
  });
});

describe("owner accept", () => {
  test("without an invitation says who can give one, with the command", async () => {
    const { code, stderr } = await as(other, "owner", "accept", "hello");
    expect([code, stderr]).toEqual([77, expect.stringContaining(`is not invited to own hello`)]);
    expect(stderr).toContain(`(${owner.username}) to run: cpm-registry owner invite hello ${other.username}`);
  });
});

test("an owner is not invited again", async () => {
  const { code, stdout } = await as(owner, "owner", "invite", "hello", owner.username.toUpperCase());
  expect([code, stdout.includes("is an owner of hello already")]).toEqual([0, true]);
});

describe("doctor", () => {
  const doctor = async (env: Record<string, string>) => {
    const { stdout } = await user.run(["doctor", "--json"], { env });
    const { checks } = JSON.parse(stdout) as {
      checks: { check: string; result: string; detail: string; fix?: string }[];
    };
    return (name: string) => checks.find(({ check }) => check === name);
  };

  test("names the variable that overrides the configuration", async () => {
    for (const url of [NOBODY, "not an address"]) {
      const found = await doctor({ CPM_REGISTRY: url });
      expect(found("registry")).toMatchObject({ result: "fail", fix: expect.stringContaining("unset CPM_REGISTRY") });
    }
    const option = await user.run(["doctor", "--registry", NOBODY]);
    expect(option.stdout).toContain("mend it: cpm-registry doctor --registry <url>");
    expect((await doctor(envOf(owner, { CPM_API_TOKEN: "cpm_wrong" })))("token")?.fix).toContain("CPM_API_TOKEN");
  });

  test("checks the key of CPM_SIGNING_KEY, which commands use", async () => {
    const { path } = JSON.parse((await user.run(["key", "generate", "ci", "--no-passphrase", "--json"])).stdout);
    const text = await readFile(path, "utf8");
    expect((await doctor(envOf(owner, { CPM_SIGNING_KEY: text })))("keys")).toMatchObject({
      result: "warn",
      detail: "CPM_SIGNING_KEY may not sign hello",
    });
    expect((await doctor(envOf(owner, { CPM_SIGNING_KEY: "/no/such/key" })))("keys")).toMatchObject({
      result: "fail",
      fix: expect.stringContaining("CPM_SIGNING_KEY"),
    });
    const env = { CPM_SIGNING_KEY_PASSPHRASE: "a long passphrase" };
    const locked = JSON.parse((await user.run(["key", "generate", "locked", "--json"], { env })).stdout).path;
    expect((await doctor(envOf(owner, { CPM_SIGNING_KEY: locked })))("keys")).toMatchObject({
      result: "warn",
      fix: "set CPM_SIGNING_KEY_PASSPHRASE",
    });
    expect((await doctor(envOf(owner, { CPM_SIGNING_KEY: locked, ...env })))("keys")?.result).toBe("warn");
  });
});

describe("a package with a minimum age", () => {
  /** The registry says that 0.1.0 is old; 0.2.0 was published by this test. */
  const ageing = async (request: Request, path: string) => {
    if (!/^\/api\/packages\/hello(\/0\.1\.0)?$/.test(path)) return undefined;
    const answer = await fetch(`${registry.url}${path}`, { headers: request.headers });
    const text = (await answer.text()).replace(
      /"version":"0\.1\.0".*?"publishedAt":"/,
      '$&2020-01-01T00:00:00.000Z","was":"',
    );
    return new Response(text, { headers: { "content-type": "application/json" } });
  };
  const run = (...args: string[]) => user.run([...args, "--registry", bad.url]);

  test("is the latest version that is old enough, for download and info", async () => {
    bad.misbehave = (request, path) => ageing(request, path) as Promise<Response>;
    const taken = await run("download", "hello", "--output", "aged", "--minimum-age", "7d");
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringMatching(/hello-0\.1\.0\.cpm\n$/)]);
    expect(taken.stderr).toContain("hello 0.2.0 was published");
    expect(taken.stderr).toContain("hello@0.2.0, or --minimum-age 0");
    expect((await run("info", "hello", "--minimum-age", "7d")).stdout).toStartWith("hello 0.1.0\n");
    expect((await user.run(["config", "set", "minimumAge", "7d"])).code).toBe(0);
    expect((await run("download", "hello@latest", "--output", "aged")).stdout).toContain("hello-0.1.0.cpm");
    for (const args of [["hello@0.2.0"], ["hello", "--minimum-age", "0"]])
      expect((await run("download", ...args, "--output", "aged")).stdout).toContain("hello-0.2.0.cpm");
    await user.run(["config", "set", "minimumAge", ""]);
    bad.reset();
  });

  test("is refused by download where no version is old enough, and shown by info with a note", async () => {
    const refused = await run("download", "hello", "--minimum-age", "24h", "--json");
    expect([refused.code, JSON.parse(refused.stdout).error.code]).toEqual([1, "client_version_too_young"]);
    const shown = await run("info", "hello", "--minimum-age", "24h");
    expect([shown.code, shown.stdout.startsWith("hello 0.2.0\n")]).toEqual([0, true]);
    expect(shown.stderr).toContain("No older release is there");
    expect((await run("download", "hello", "--minimum-age", "soon")).code).toBe(64);
  });
});

describe("a file that is there already", () => {
  test("is verified and not fetched again, and any other is refused before anything is fetched", async () => {
    const run = (...more: string[]) =>
      user.run(["download", "hello", "--output", "twice", "--registry", bad.url, ...more]);
    expect((await run()).code).toBe(0);
    bad.reset();
    const again = await run();
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/hello-0\.2\.0\.cpm\n$/)]);
    expect(again.stderr).toContain("is verified");
    expect(again.stderr).toContain("not fetched again");
    expect(JSON.parse((await run("--json")).stdout).packages[0]).toMatchObject({ fetched: false, verified: true });
    await writeFile(join(user.directory, "twice/hello-0.2.0.cpm"), "mine");
    expect((await run()).code).toBe(1);
    expect(bad.seen.filter(({ path }) => path.endsWith("/download"))).toEqual([]);
  });
});

test("keys have the same short id in every text", async () => {
  const { stderr } = await user.run(["download", "hello", "--output", "ids", "--registry", registry.url]);
  const { stdout } = await user.run(["info", "hello", "--registry", registry.url]);
  const [, id = ""] = /key ([0-9a-f]+) may sign/.exec(stderr) ?? [];
  expect([id.length, stdout.includes(`key ${id} (cpm-v1)`)]).toEqual([32, true]);
});

test("verify and log audit ask the registry of the last login", async () => {
  const someone = await User.make();
  await registered(someone, registry.url, `v${crypto.randomUUID().slice(0, 12)}`);
  expect((await someone.run(["download", "hello"])).code).toBe(0);
  const verified = await someone.run(["verify", "hello-0.2.0.cpm"]);
  expect([verified.code, verified.stdout.includes("is verified")]).toEqual([0, true]);
  expect((await someone.run(["log", "audit"])).code).toBe(0);
  await someone.remove();
  const unknown = await user.run(["verify", "twice/hello-0.2.0.cpm"]);
  expect([unknown.code, unknown.stderr.includes("--registry <url>")]).toEqual([64, true]);
});

onBothDatabases(
  "an owner who goes",
  (database) => {
    let alice: User;
    let bob: User;
    const pack = () => `shared-${database().kind}`;
    const names = { alice: "", bob: "" };
    const activeKeys = async () => {
      const { stdout } = await alice.run(["key", "list", "--package", pack(), "--json"]);
      return JSON.parse(stdout).keys.filter(({ status }: { status: string }) => status === "active").length;
    };

    beforeAll(async () => {
      [alice, bob] = [await User.make(), await User.make()];
      names.alice = `a${crypto.randomUUID().slice(0, 12)}`;
      names.bob = `b${crypto.randomUUID().slice(0, 12)}`;
      await registered(alice, database().url, names.alice);
      await registered(bob, database().url, names.bob);
      for (const each of [alice, bob]) await each.run(["key", "generate", "--no-passphrase"]);
      await alice.run(["init", pack()]);
      expect((await alice.run(["publish", "--yes"], { cwd: join(alice.directory, pack()) })).code).toBe(0);
    });
    afterAll(() => Promise.all([alice.remove(), bob.remove()]));

    /** Makes bob an owner whose key may sign. */
    const letIn = async () => {
      expect((await alice.run(["owner", "invite", pack(), names.bob, "--yes"])).code).toBe(0);
      const line = (await bob.run(["key", "request", "--package", pack()])).stdout.trim();
      const approved = await alice.run(["key", "approve", line, "--yes", "--password-stdin"], { stdin });
      expect(approved.stderr).toContain(`cpm-registry owner accept ${pack()}`);
      expect((await bob.run(["key", "register", "--password-stdin"], { stdin })).code).toBe(0);
      expect((await bob.run(["owner", "accept", pack()])).stdout).toContain("Your key default may sign it.");
      expect(await activeKeys()).toBe(2);
    };

    test("loses the keys in the same command, with the password of whoever removes them", async () => {
      await letIn();
      const removed = await alice.run(["owner", "remove", pack(), names.bob, "--yes", "--password-stdin", "--json"], {
        stdin,
      });
      expect([removed.code, JSON.parse(removed.stdout)]).toMatchObject([
        0,
        { keys: [], removedKeys: [expect.anything()] },
      ]);
      expect(await activeKeys()).toBe(1);
    });

    test("keeps the keys where nobody can be asked, and the commands for them are printed", async () => {
      const other = await User.make();
      const name = `c${crypto.randomUUID().slice(0, 12)}`;
      await registered(other, database().url, name);
      await other.run(["key", "generate", "--no-passphrase"]);
      await alice.run(["owner", "invite", pack(), name, "--yes"]);
      await other.run(["owner", "accept", pack()]);
      const line = (await other.run(["key", "request", "--package", pack()])).stdout.trim();
      const approved = await alice.run(["key", "approve", line, "--yes", "--password-stdin"], { stdin });
      expect(approved.stderr).toContain(`${name} is an owner, and can publish with it.`);
      expect((await other.run(["key", "register", "--password-stdin"], { stdin })).code).toBe(0);
      const removed = await alice.run(["owner", "remove", pack(), name, "--yes"]);
      const [, command = ""] = /^ {2}cpm-registry (key remove .*)$/m.exec(removed.stderr) ?? [];
      expect([removed.code, command]).toEqual([0, expect.stringContaining(pack())]);
      const done = await alice.run([...command.split(" "), "--yes", "--password-stdin"], { stdin });
      expect([done.code, await activeKeys()]).toEqual([0, 1]);
      await other.remove();
    });

    test.skipIf(!hasTerminal)("loses the keys at a terminal after a second question", async () => {
      await letIn();
      const seen = await alice.type(
        ["owner", "remove", pack(), names.bob],
        [
          ["out of the owners .*\\[y/N\\] $", "y\n"],
          ["Take them out too\\? \\[y/N\\] $", "y\n"],
          ["Password of .*: $", stdin],
        ],
      );
      expect([seen.code, seen.unasked, seen.output.includes("are the keys")]).toEqual([0, [], true]);
      expect(await activeKeys()).toBe(1);
    });
  },
  { env: { PUBLIC_URL: "http://localhost", LOG_ORIGIN: TEST_LOG_ORIGIN } },
);
