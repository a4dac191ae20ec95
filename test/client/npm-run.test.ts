import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { VERSION } from "../../src/runtime/version.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { badScene } from "./scene.ts";

/* The client as users of `npm start` run it, without the executable. */

const CHECKOUT = resolve(import.meta.dir, "../..");
const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  const archive = makePackage({ name: "hello", version: "0.1.0", description: "Says hello" });
  expect((await publisher.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
});

async function npm(cwd: string, ...args: string[]) {
  const { env, ...options } = scene.user.spawnOptions();
  const registry = { CPM_REGISTRY: scene.bad.url, npm_config_update_notifier: "false" };
  const child = Bun.spawn(["npm", ...args], { ...options, cwd, env: { ...env, ...registry } });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

test("npm run cpm -- version, and search, run the client in the checkout", async () => {
  const version = await npm(CHECKOUT, "run", "cpm", "--", "version");
  expect([version.code, version.stdout.trim().split("\n").at(-1)]).toEqual([0, expect.stringContaining(VERSION)]);
  const found = await npm(CHECKOUT, "run", "cpm", "--", "search", "hello", "--sort", "name");
  expect([found.code, found.stdout.trim().split("\n").at(-1)]).toEqual([0, "hello\t0.1.0\t0\tSays hello"]);
});

test("the alias of the README prints the answer alone, works where the user is, and passes the exit code on", async () => {
  const alias = ["--silent", "--prefix", CHECKOUT, "run", "cpm", "--"];
  const { directory } = scene.user;
  const downloaded = await npm(directory, ...alias, "download", "hello");
  expect([downloaded.code, downloaded.stdout]).toEqual([0, `${join(directory, "hello-0.1.0.cpm")}\n`]);
  expect(await readdir(directory)).toContain("hello-0.1.0.cpm");
  expect((await npm(directory, ...alias, "info", "no such")).code).toBe(64);
});
