import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { goStyleArchive, manifestOf } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { badScene } from "./scene.ts";

/* Commands that write to a disk of 64 KiB. */

const BYTES = 1_500_000;
let token = "";
const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  token = publisher.token ?? "";
  const manifest = manifestOf({ name: "hello", version: "0.1.0" });
  const archive = goStyleArchive({ "colony.yaml": manifest, "templates/a.json": "{}", data: randomBytes(BYTES) });
  expect((await publisher.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
});

/** Runs a command that finds a small disk in a directory of the user. */
async function runOnSmallDisk(directory: string, env: Record<string, string>, ...args: string[]) {
  const { user, bad } = scene;
  await mkdir(directory, { recursive: true });
  const command = user.command(...args).map((word) => `'${word}'`);
  const script = `mount -t tmpfs -o size=64k none '${directory}' && ${command.join(" ")}; code=$?; ls -A '${directory}'; exit $code`;
  const unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script];
  const options = user.spawnOptions();
  const child = Bun.spawn(unshare, { ...options, env: { ...options.env, CPM_REGISTRY: bad.url, ...env } });
  const [left, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (!/unshare|mount:/.test(stderr)) return { left, stderr, code };
  console.log(`Not tested, because this machine allows no mounts: ${stderr.trim()}`);
  return undefined;
}

function expectFullDisk(ran: Awaited<ReturnType<typeof runOnSmallDisk>>): void {
  if (ran === undefined) return;
  const { code, left, stderr } = ran;
  expect({ code, left, stderr }).toEqual({ code: 1, left: "", stderr: expect.stringContaining("The disk is full") });
  expect(stderr.trim().split("\n")).toHaveLength(2);
}

async function writeLargePackage(): Promise<string> {
  const { user } = scene;
  await user.run(["init", "large"]);
  await writeFile(join(user.directory, "large/data.bin"), randomBytes(BYTES));
  return join(user.directory, "large");
}

test("download on a full disk ends with one message, and leaves nothing", async () => {
  expectFullDisk(await runOnSmallDisk(join(scene.user.home, "partial"), {}, "download", "hello"));
});

test("pack to a full disk ends with one message, and leaves nothing", async () => {
  const disk = join(scene.user.directory, "disk");
  expectFullDisk(await runOnSmallDisk(disk, {}, "pack", await writeLargePackage(), "--out", join(disk, "large.cpm")));
});

test("publish without room for the packed archive ends with one message, and sends nothing", async () => {
  const disk = join(scene.user.directory, "disk");
  const directory = await writeLargePackage();
  await scene.user.run(["key", "generate", "--no-passphrase"]);
  const env = { TMPDIR: disk, CPM_API_TOKEN: token };
  expectFullDisk(await runOnSmallDisk(disk, env, "publish", directory, "--if-changed"));
  expect(scene.bad.seen.filter(({ path }) => path === "/api/packages")).toEqual([]);
});
