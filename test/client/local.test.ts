import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { badScene, registered } from "./scene.ts";

const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  const archive = makePackage({ name: "hello", version: "0.1.0" });
  expect((await publisher.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
});

describe("config", () => {
  const set = (...args: string[]) => scene.user.run(["config", "set", ...args]);

  test("set changes one entry and keeps those of other programs; get and list print them", async () => {
    await mkdir(scene.user.home);
    await writeFile(join(scene.user.home, "config"), "host: colonies.example.org\nport: 443\n");
    expect((await set("registries.work.url", "https://cpm.work.example")).code).toBe(0);
    expect((await set("registry", "work")).code).toBe(0);
    expect((await scene.user.run(["config", "get", "registries.work.url"])).stdout).toBe("https://cpm.work.example\n");
    const { stdout } = await scene.user.run(["config", "list"]);
    const rows = [
      "host\tcolonies.example.org",
      "port\t443",
      "registries.work.url\thttps://cpm.work.example",
      "registry\twork",
    ];
    expect(stdout.trim().split("\n").toSorted()).toEqual(rows);
    expect((await set("registries.work.url", "")).code).toBe(0);
    const text = await readFile(join(scene.user.home, "config"), "utf8");
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
    expect((await scene.user.run(["config", "list"])).code).toBe(0);
  });

  test("get reports an entry that is not set", async () => {
    const { code, stderr } = await scene.user.run(["config", "get", "registry"]);
    expect([code, stderr.includes("config set registry")]).toEqual([1, true]);
  });
});

describe("doctor", () => {
  const doctor = async (env: Record<string, string> = {}) => {
    const { code, stdout } = await scene.user.run(["doctor", "--json"], {
      env: { CPM_REGISTRY: scene.bad.url, ...env },
    });
    const { checks } = JSON.parse(stdout);
    const found = (name: string) => checks.filter(({ check }: { check: string }) => check === name);
    return { code, checks, found, result: (name: string) => found(name)[0]?.result };
  };

  test("finds nothing wrong for a user who is logged in", async () => {
    await registered(scene.user, scene.bad.url, "ada");
    const { code, checks } = await doctor();
    const results = checks.map(({ check, result }: { check: string; result: string }) => `${check} ${result}`);
    expect([code, results]).toEqual([
      0,
      ["files ok", "agent ok", "network ok", "registry ok", "clock ok", "log ok", "token ok", "keys warn"],
    ]);
    const { stdout } = await scene.user.run(["doctor"], { env: { CPM_REGISTRY: scene.bad.url } });
    expect(stdout).toContain("mend it: cpm-registry key generate");
  });

  test("names the command that mends each thing", async () => {
    await mkdir(scene.user.home);
    await writeFile(join(scene.user.home, "credentials.json"), "{}");
    await chmod(join(scene.user.home, "credentials.json"), 0o644);
    scene.bad.misbehave = (_, path) =>
      path === "/health"
        ? Response.json({ status: "ok", version: "9" }, { headers: { date: "Mon, 01 Jan 2024 00:00:00 GMT" } })
        : undefined;
    const { code, found } = await doctor({ CPM_API_TOKEN: "cpm_expired" });
    expect(code).toBe(1);
    expect(found("files")[0]).toMatchObject({
      result: "fail",
      fix: `chmod 600 ${join(scene.user.home, "credentials.json")}`,
    });
    expect(found("clock")[0]).toMatchObject({ result: "fail", fix: "timedatectl set-ntp true" });
    expect(found("token")[0]).toMatchObject({ result: "fail", fix: expect.stringContaining("cpm-registry login") });
  });

  test("reports a log that does not continue what was seen, a proxy's page, and no registry at all", async () => {
    expect((await doctor()).result("log")).toBe("ok");
    scene.bad.misbehave = (_, path) => (path === "/log/checkpoint" ? new Response("forged") : undefined);
    expect((await doctor()).found("log")[0]).toMatchObject({ result: "fail" });
    scene.bad.misbehave = () => new Response("<html>", { headers: { "content-type": "text/html" } });
    expect((await doctor()).found("registry")[0]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("proxy"),
    });
    const none = await doctor({ CPM_REGISTRY: "" });
    expect([none.code, none.found("registry")[0].fix.includes("login")]).toEqual([1, true]);
  });
});
