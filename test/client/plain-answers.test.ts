import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { startRegistry, TEST_LOG_ORIGIN, type TestRegistry } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { BadRegistry } from "./bad-registry.ts";
import { hasTerminal, PASSWORD, registered, User } from "./scene.ts";

/* What commands ask, answer and advise, where a newcomer took it for something else. */

const GREEN_OK = "\u001b[32mok\u001b[39m";
const stdin = `${PASSWORD}\n`;
const ann = `ann${crypto.randomUUID().slice(0, 8)}`;

let registry: TestRegistry;
let bad: BadRegistry;
let user: User;
let owner: Client;

beforeAll(async () => {
  registry = await startRegistry("sqlite", { env: { PUBLIC_URL: "http://localhost", LOG_ORIGIN: TEST_LOG_ORIGIN } });
  bad = new BadRegistry(() => registry.url);
  [user, owner] = [await User.make(), await newAccount(registry)];
  const key = makeKey();
  for (const version of ["0.1.0", "0.2.0"]) {
    const archive = makePackage({ name: "hello", version });
    expect((await owner.publish("hello", version, archive, key)).status).toBe(201);
  }
  await registered(user, registry.url, ann);
});
afterAll(async () => {
  await user.remove();
  await bad.stop();
  await registry.stop();
});

/** Lets the registry of `bad` answer about hello with other text in place of a part. */
const answeringWith = (from: string | RegExp, to: string) => {
  bad.misbehave = (async (request: Request, path: string) => {
    if (!path.startsWith("/api/packages/hello")) return undefined;
    const answer = await fetch(`${registry.url}${path}`, { headers: request.headers });
    return new Response((await answer.text()).replace(from, to), { headers: { "content-type": "application/json" } });
  }) as typeof bad.misbehave;
};

describe("verify", () => {
  test("of a name fetches the version, shows the checks of a file and leaves nothing behind", async () => {
    const named = await user.run(["verify", "hello@0.1.0"]);
    expect([named.code, named.stdout]).toEqual([0, expect.stringMatching(/\n\nhello@0\.1\.0 is verified\.\n$/)]);
    const rows = (text: string) => [...text.matchAll(/^(\w+(?: \w+)*) {2,}/gm)].map(([, row]) => row);
    await user.run(["download", "hello@0.1.0"]);
    expect(rows(named.stdout)).toEqual(rows((await user.run(["verify", "hello-0.1.0.cpm"])).stdout));
    const latest = JSON.parse((await user.run(["verify", "hello", "--json"])).stdout);
    expect(latest).toMatchObject({ verified: true, name: "hello", version: "0.2.0" });
    expect(await readdir(join(user.home, "partials")).catch(() => [])).toEqual([]);
  });

  test("takes a file before a package, and a package before a directory", async () => {
    const cwd = join(user.directory, "names");
    await mkdir(join(cwd, "hello"), { recursive: true });
    expect((await user.run(["verify", "hello"], { cwd })).code).toBe(0);
    await writeFile(join(cwd, "hello@0.1.0"), "no archive");
    const file = await user.run(["verify", "hello@0.1.0"], { cwd });
    expect([file.code, file.stdout.includes("archive_rejected")]).toEqual([1, true]);
    expect((await user.run(["verify", "missing.cpm"])).stderr).toContain("missing.cpm cannot be read");
    expect((await user.run(["verify", "no-such"])).stderr).toContain("There is no package no-such");
  });

  test("fails where the registry gives the archive of another version", async () => {
    bad.misbehave = (async (_: Request, path: string) => {
      if (path === "/api/packages/hello/0.1.0/download")
        return fetch(`${registry.url}/api/packages/hello/0.2.0/download`);
      if (path !== "/api/packages/hello/0.1.0") return undefined;
      const text = await (await fetch(`${registry.url}/api/packages/hello/0.2.0`)).text();
      return Response.json({ ...JSON.parse(text), version: "0.1.0" });
    }) as typeof bad.misbehave;
    const { code, stdout } = await user.run(["verify", "hello@0.1.0", "--registry", bad.url]);
    bad.reset();
    expect([code, stdout]).toEqual([1, expect.stringMatching(/package +failed +name_differs/)]);
    expect(stdout).toContain("NOT verified");
  });

  test("shows every ok in the same colour, also behind a name of two words", async () => {
    const { stdout } = await user.run(["verify", "hello", "--color", "always"]);
    const row = stdout.split("\n").find((line) => line.startsWith("registry status"));
    expect(row).toContain(GREEN_OK);
  });
});

describe("info", () => {
  test.each([
    ["in quarantine", /"quarantine":null/g, '"quarantine":{"reason":"malware","at":"2026-01-01T00:00:00.000Z"}'],
    ["without a latest version", /"latest":"0\.2\.0"/, '"latest":null'],
    ["signed by a compromised key", /"compromised":false/g, '"compromised":true'],
  ])("recommends no download of a package %s", async (_, from, to) => {
    const shown = await user.run(["info", "hello@0.1.0", "--registry", registry.url]);
    expect(shown.stdout).toContain("cpm install hello");
    answeringWith(from, to);
    const { code, stdout } = await user.run(["info", "hello@0.1.0", "--registry", bad.url]);
    bad.reset();
    expect([code, stdout.includes("cpm install"), stdout.includes("cpm-registry download")]).toEqual([0, false, false]);
  });
});

describe("a secret", () => {
  test.each([
    [["login", "--password-stdin"], "password"],
    [["login", "--token-stdin"], "token"],
    [["token", "list", "--password-stdin"], "password"],
    [["admin", "create", "eve", "--password-stdin"], "password"],
  ])("%p says that standard input is empty", async (args, what) => {
    const { code, stderr } = await user.run(args, { stdin: "\n" });
    expect([code, stderr]).toEqual([64, expect.stringContaining(`Standard input has no ${what}.`)]);
  });

  test.skipIf(!hasTerminal)("is asked for and hidden where standard input is a terminal", async () => {
    const { output, unasked } = await user.type(["login", "--token-stdin"], [["Token: $", "cpm_secret\n"]]);
    expect([unasked, output.includes("cpm_secret")]).toEqual([[], false]);
    const login = ["login", "--username", ann, "--password-stdin"];
    const second = await user.type(login, [["Password: $", stdin]]);
    expect([second.code, second.unasked, second.output.includes(PASSWORD)]).toEqual([0, [], false]);
  });
});

describe.skipIf(!hasTerminal)("a question for the password", () => {
  test("names the account of the login, and does not ask for it", async () => {
    const seen = await user.type(["token", "list"], [[`Password of ${ann} at .*: $`, stdin]]);
    expect([seen.code, seen.unasked, seen.output.includes("User name")]).toEqual([0, [], false]);
  });

  test("does not repeat what was typed where the user name was asked for", async () => {
    const someone = await User.make();
    const asked = [["User name: $", "oops my password\n"] as const, ["Password at .*: $", "wrong wrong\n"] as const];
    const { output } = await someone.type(["login", registry.url], [...asked, ["User name: $", "\u0004"]]);
    expect(output.split("oops my password")).toHaveLength(2);
    await someone.remove();
  });
});

test.skipIf(!hasTerminal)("the answer no is no failure", async () => {
  const env = { CPM_API_TOKEN: owner.token ?? "" };
  const seen = await user.type(["yank", "hello@0.1.0"], [["\\[y/N\\] $", "n\n"]], { env });
  expect([seen.code, seen.output.includes("failed")]).toEqual([1, false]);
  expect(seen.output).toContain("Nothing was changed.");
});

describe("a signing key", () => {
  test("that is missing is made with one command, and a second runs the first again", async () => {
    const { code, stderr } = await user.run(["key", "request", "--package", "hello"]);
    expect([code, stderr]).toEqual([64, expect.stringContaining("Make one: cpm-registry key generate\n")]);
    expect(stderr).toContain("Then run this again: cpm-registry key request --package hello");
  });

  test.skipIf(!hasTerminal)("that is missing is made at a terminal by key request", async () => {
    const steps = [["passphrase protects .*: $", "\n"]] as const;
    const { code, unasked, output } = await user.type(["key", "request", "--package", "hello"], steps);
    expect([code, unasked, output.includes("cpm-key-request-v1.")]).toEqual([0, [], true]);
    await rm(join(user.home, "keys"), { recursive: true });
  });

  test("whose rotation was interrupted is named by key list, and key rotate goes on with it", async () => {
    for (const name of ["default", "default-next"]) await user.run(["key", "generate", name, "--no-passphrase"]);
    const { stdout } = await user.run(["key", "show", "default-next", "--json"]);
    const { keyId } = JSON.parse(stdout);
    expect((await user.run(["key", "list"])).stderr).toContain("To end it: cpm-registry key rotate default");
    await user.run(["key", "register", "--password-stdin"], { stdin });
    const rotated = await user.run(["key", "rotate", "--yes", "--password-stdin"], { stdin });
    expect([rotated.code, rotated.stdout]).toEqual([0, expect.stringContaining(`Key ${keyId} took the place`)]);
    expect(rotated.stderr).toMatch(new RegExp(`You began a rotation on [0-9-]+; going on .*, ${keyId}`));
    expect((await user.run(["key", "list"])).stderr).toBe("");
  });

  test("that only CI has is named by its id, and not by its variable, where a package does not know it", async () => {
    const cwd = join(user.directory, "unknown-key");
    await user.run(["init", cwd, "--name", "hello"]);
    await user.run(["key", "generate", "ci", "--no-passphrase"]);
    const text = await readFile(join(user.home, "keys/ci.pem"), "utf8");
    const { keyId } = JSON.parse((await user.run(["key", "show", "ci", "--json"])).stdout);
    const env = { CPM_API_TOKEN: owner.token ?? "", CPM_SIGNING_KEY: text };
    await writeFile(join(cwd, "colony.yaml"), "apiVersion: v1\nname: hello\nversion: 9.0.0\ndescription: x\n");
    const { code, stderr } = await user.run(["publish", "--yes"], { cwd, env });
    expect([code, stderr]).not.toEqual([0, ""]);
    expect(stderr).toContain(`with the id ${keyId}. On your own machine`);
    expect(stderr).toContain("cpm-registry key add <the key> --package hello");
    expect(stderr).not.toContain("key add CPM_SIGNING_KEY");
  });
});

describe("init without a name", () => {
  const place = async (...files: string[]) => {
    const cwd = join(user.directory, `place-${crypto.randomUUID()}`);
    await mkdir(cwd);
    for (const file of files) await writeFile(join(cwd, file), "");
    return cwd;
  };

  test("asks nothing where only hidden files are", async () => {
    expect((await user.run(["init"], { cwd: await place(".gitignore") })).code).toBe(0);
  });

  test("needs a name or --yes where other files are", async () => {
    const cwd = await place("a.txt", "b.txt");
    const refused = await user.run(["init"], { cwd });
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining("beside 2 other files?")]);
    expect(refused.stderr).toContain("--name <name>, or --yes");
    expect(await readdir(cwd)).toHaveLength(2);
    expect((await user.run(["init", "--yes"], { cwd })).code).toBe(0);
    const again = await user.run(["init"], { cwd });
    expect([again.code, again.stderr.includes("exists already")]).toEqual([65, true]);
  });

  test.skipIf(!hasTerminal)("asks at a terminal where other files are", async () => {
    const cwd = await place("a.txt");
    const seen = await user.type(["init"], [["beside 1 other file\\? \\[y/N\\] $", "n\n"]], { cwd });
    expect([seen.code, seen.unasked, await readdir(cwd)]).toEqual([1, [], ["a.txt"]]);
  });
});

describe("a replacement that is not there", () => {
  const change = (...args: string[]) => user.run([...args, "--yes"], { env: { CPM_API_TOKEN: owner.token ?? "" } });

  test.each([
    ["deprecate", "hello"],
    ["yank", "hello@0.1.0"],
  ])("is refused by %s %s before anything is changed, if it is another package", async (verb, spec) => {
    // Downloads of earlier tests are counted meanwhile.
    const shown = async () =>
      (await user.run(["info", "hello@0.1.0", "--json"])).stdout.replaceAll(/"downloads":\d+/g, "");
    const before = await shown();
    const refused = await change(verb, spec, "--replacement", "hallo");
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("There is no package hallo at");
    expect(refused.stderr).toContain("Did you mean hello?");
    expect(await shown()).toBe(before);
  });

  test("is a warning of yank if it is a version, which may come later", async () => {
    const changed = await change("yank", "hello@0.1.0", "--replacement", "9.9.9");
    expect([changed.code, changed.stderr]).toEqual([0, expect.stringContaining("Warning: there is no hello@9.9.9 at")]);
    const known = await change("yank", "hello@0.1.0", "--replacement", "hello");
    expect([known.code, known.stderr]).toEqual([0, ""]);
  });
});

test("login and whoami tell of open invitations, with the command that accepts them", async () => {
  const env = { CPM_API_TOKEN: owner.token ?? "" };
  expect((await user.run(["owner", "invite", "hello", ann, "--yes"], { env })).code).toBe(0);
  const { code, stderr } = await user.run(["login", "--username", ann, "--password-stdin"], { stdin });
  expect([code, stderr]).toEqual([
    0,
    `${owner.username} invites you to own hello. To accept: cpm-registry owner accept hello\n`,
  ]);
  const asked = await user.run(["whoami"]);
  expect([asked.code, asked.stderr]).toEqual([0, stderr]);
  const [invitation, ...others] = JSON.parse((await user.run(["whoami", "--json"])).stdout).invitations;
  expect(others).toEqual([]);
  expect(invitation).toEqual({ package: "hello", invitedBy: owner.username, expiresAt: expect.any(String) });
  const narrow = await withToken(owner, ["read"]);
  const silent = await user.run(["whoami", "--json"], { env: { CPM_API_TOKEN: narrow.token ?? "" } });
  expect([silent.code, JSON.parse(silent.stdout).invitations]).toEqual([0, null]);
});
