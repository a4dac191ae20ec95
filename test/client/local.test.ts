import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { BadRegistry, stalling } from "./bad-registry.ts";
import { registered, User } from "./scene.ts";

let registry: TestRegistry;
let bad: BadRegistry;
let user: User;

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  bad = new BadRegistry(() => registry.url);
  const publisher = await newAccount(registry);
  const archive = makePackage({ name: "hello", version: "0.1.0" });
  expect((await publisher.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
});
afterAll(async () => {
  await bad.stop();
  await registry.stop();
});
beforeEach(async () => {
  bad.reset();
  user = await User.make();
});
afterEach(() => user.remove());

describe("config", () => {
  const set = (...args: string[]) => user.run(["config", "set", ...args]);

  test("set changes one entry and keeps those of other programs; get and list print them", async () => {
    await mkdir(user.home);
    await writeFile(join(user.home, "config"), "host: colonies.example.org\nport: 443\n");
    expect((await set("registries.work.url", "https://cpm.work.example")).code).toBe(0);
    expect((await set("registry", "work")).code).toBe(0);
    expect((await user.run(["config", "get", "registries.work.url"])).stdout).toBe("https://cpm.work.example\n");
    const { stdout } = await user.run(["config", "list"]);
    const rows = [
      "host\tcolonies.example.org",
      "port\t443",
      "registries.work.url\thttps://cpm.work.example",
      "registry\twork",
    ];
    expect(stdout.trim().split("\n").toSorted()).toEqual(rows);
    expect((await set("registries.work.url", "")).code).toBe(0);
    const text = await readFile(join(user.home, "config"), "utf8");
    expect(text).toBe("host: colonies.example.org\nport: 443\nregistry: work\n");
  });

  test.each([
    ["registres", "x"],
    ["registries.work.url", "not an address"],
    ["registries.work.key", "no key"],
    ["registries.work.cafile", "/etc/ssl/work.pem"],
    ["registries.__proto__.url", "https://cpm.example.org/"],
  ])("set %s %s is refused or harmless, and the file stays readable", async (name, value) => {
    const { code } = await set(name, value);
    expect(code === 64 || name.includes("__proto__")).toBe(true);
    expect((await user.run(["config", "list"])).code).toBe(0);
  });

  test("get reports an entry that is not set", async () => {
    const { code, stderr } = await user.run(["config", "get", "registry"]);
    expect([code, stderr.includes("config set registry")]).toEqual([1, true]);
  });
});

describe("completion", () => {
  const complete = async (...words: string[]) => {
    const { stdout } = await user.run(["complete", "--", ...words], { env: { CPM_REGISTRY: bad.url } });
    return stdout === "" ? [] : stdout.trim().split("\n");
  };

  test("completes commands, the commands of a group, options and shells from the command table", async () => {
    expect(await complete("wh")).toEqual(["whoami"]);
    expect(await complete("")).toEqual(expect.arrayContaining(["publish", "owner", "help"]));
    expect(await complete("")).not.toContain("worker");
    expect(await complete("owner", "")).toEqual(["list", "invite", "accept", "remove"]);
    const options = COMMANDS.find(({ name }) => name === "search")?.options ?? {};
    expect(await complete("search", "--")).toEqual([...Object.keys(options), "help"].map((name) => `--${name}`));
    expect(await complete("completion", "f")).toEqual(["fish"]);
    expect(await complete("config", "get", "regis")).toContain("registry");
    expect(await complete("search", "--sort", "")).toEqual([]);
  });

  test("completes the names of packages that the registry finds", async () => {
    expect(await complete("info", "hel")).toEqual(["hello"]);
    expect(await complete("owner", "list", "hel")).toEqual(["hello"]);
    expect(await complete("download", "other", "hel")).toEqual(["hello"]);
  });

  test("completes no name of a registry that stalls, within about a second", async () => {
    bad.misbehave = () => new Response(stalling([]));
    const startedMs = performance.now();
    expect(await complete("info", "hel")).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  test("the script of bash completes what the program says", async () => {
    const bin = join(user.directory, "cpm-registry");
    await writeFile(
      bin,
      `#!/bin/sh\nexec ${user
        .command()
        .map((word) => `'${word}'`)
        .join(" ")} "$@"\n`,
    );
    await chmod(bin, 0o755);
    const script = `source <(cpm-registry completion bash)
COMP_WORDS=(cpm-registry owner "") COMP_CWORD=2; _cpm_registry; echo "\${COMPREPLY[*]}"
COMP_WORDS=(cpm-registry who) COMP_CWORD=1; _cpm_registry; echo "\${COMPREPLY[*]}"`;
    const env = { PATH: `${user.directory}:${process.env.PATH}`, HOME: user.directory, CPM_HOME: user.home };
    const child = Bun.spawn(["bash", "-c", script], { env, stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("list invite accept remove\nwhoami\n");
  });

  test("has a script for each shell, and for no other", async () => {
    for (const shell of ["bash", "zsh", "fish", "powershell"]) {
      const { stdout } = await user.run(["completion", shell]);
      expect(stdout).toContain("cpm-registry complete -- ");
    }
    expect((await user.run(["completion", "cmd"])).code).toBe(64);
  });
});

describe("doctor", () => {
  const doctor = async (env: Record<string, string> = {}) => {
    const { code, stdout } = await user.run(["doctor", "--json"], { env: { CPM_REGISTRY: bad.url, ...env } });
    const { checks } = JSON.parse(stdout);
    const found = (name: string) => checks.filter(({ check }: { check: string }) => check === name);
    return { code, checks, found, result: (name: string) => found(name)[0]?.result };
  };

  test("finds nothing wrong for a user who is logged in", async () => {
    await registered(user, bad.url, "ada");
    const { code, checks } = await doctor();
    const results = checks.map(({ check, result }: { check: string; result: string }) => `${check} ${result}`);
    expect([code, results]).toEqual([
      0,
      ["files ok", "agent ok", "network ok", "registry ok", "clock ok", "log ok", "token ok", "keys warn"],
    ]);
    const { stdout } = await user.run(["doctor"], { env: { CPM_REGISTRY: bad.url } });
    expect(stdout).toContain("mend it: cpm-registry key generate");
  });

  test("names the command that mends each thing", async () => {
    await mkdir(user.home);
    await writeFile(join(user.home, "credentials.json"), "{}");
    await chmod(join(user.home, "credentials.json"), 0o644);
    bad.misbehave = (_, path) =>
      path === "/health"
        ? Response.json({ status: "ok", version: "9" }, { headers: { date: "Mon, 01 Jan 2024 00:00:00 GMT" } })
        : undefined;
    const { code, found } = await doctor({ CPM_API_TOKEN: "cpm_expired" });
    expect(code).toBe(1);
    expect(found("files")[0]).toMatchObject({
      result: "fail",
      fix: `chmod 600 ${join(user.home, "credentials.json")}`,
    });
    expect(found("clock")[0]).toMatchObject({ result: "fail", fix: "timedatectl set-ntp true" });
    expect(found("token")[0]).toMatchObject({ result: "fail", fix: expect.stringContaining("cpm-registry login") });
  });

  test("reports a log that does not continue what was seen, a proxy's page, and no registry at all", async () => {
    expect((await doctor()).result("log")).toBe("ok");
    bad.misbehave = (_, path) => (path === "/log/checkpoint" ? new Response("forged") : undefined);
    expect((await doctor()).found("log")[0]).toMatchObject({ result: "fail" });
    bad.misbehave = () => new Response("<html>", { headers: { "content-type": "text/html" } });
    expect((await doctor()).found("registry")[0]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("proxy"),
    });
    const none = await doctor({ CPM_REGISTRY: "" });
    expect([none.code, none.found("registry")[0].fix.includes("login")]).toEqual([1, true]);
  });
});
