import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foreignOwnerText } from "../../src/start/data-owner.ts";
import { type Place, runOnce } from "../binary/executable.ts";
import { PROGRAM } from "../support/program.ts";

/** Numbers that no account of a usual machine has. */
const SERVER = 61_234;
const STRANGER = 61_235;

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("Not root: the tests of the data directory's owner are skipped.");

let parent: string;
let dataDir: string;

const place = (...before: string[]): Place => ({
  command: [...before, ...PROGRAM],
  cwd: "/",
  env: { DATA_DIR: dataDir, LOG_ORIGIN: "registry.test/log", PORT: "0" },
});
const as = (uid: number) => ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
const line = (...args: string[]) => `${as(SERVER).join(" ")} -- cpm-registry ${args.join(" ")}`;

/** Returns owner and mode of everything in the data directory, by name. */
async function found(): Promise<Record<string, string>> {
  const names = await readdir(dataDir, { recursive: true });
  const entries = names.map(async (name) => {
    const { uid, gid, mode } = await stat(join(dataDir, name));
    return [name, `${uid}:${gid} ${(mode & 0o777).toString(8)}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

describe.skipIf(!isRoot)("the user of the data directory", () => {
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), "cpm-owner-"));
    await chown(parent, SERVER, SERVER);
    await chmod(parent, 0o755);
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));
  beforeEach(async () => {
    dataDir = await mkdtemp(join(parent, "data-"));
    await chown(dataDir, SERVER, SERVER);
  });

  test("owns everything that commands of root create, readable by that user only", async () => {
    for (const command of [["log", "key"], ["migrate"], ["fsck"], ["admin", "create", "ada"], ["gc"]]) {
      const { exitCode, stderr } = await runOnce(place(), ...command);
      expect([command, exitCode, stderr]).toEqual([command, 0, ""]);
    }
    const [backup, other] = [join(dataDir, "backup"), join(dataDir, "other")];
    await mkdir(other, { mode: 0o700 });
    await chown(other, SERVER, SERVER);
    const there = { ...place(), env: { ...place().env, DATA_DIR: other } };
    for (const [where, command] of [
      [place(), ["backup", "create", backup, "--with-keys"]],
      [there, ["backup", "restore", backup]],
      [there, ["db", "copy", "--from", dataDir, "--to", join(dataDir, "copy.db")]],
    ] as const) {
      const { exitCode, stderr } = await runOnce(where, ...command);
      expect([command, exitCode, stderr]).toEqual([command, 0, ""]);
    }
    const all = await found();
    expect(Object.keys(all)).toEqual(
      expect.arrayContaining(["log.key", "registry.db", "packages", "other/registry.db"]),
    );
    const wrong = Object.entries(all).filter(([, value]) => !/^61234:61234 [67]00$/.test(value));
    expect(wrong).toEqual([]);
  }, 20_000);

  test("is named to another user, with the line to type, and nothing is created", async () => {
    for (const command of [["migrate"], ["log", "key"], ["fsck", "--json"]]) {
      const { exitCode, stderr } = await runOnce(place(...as(STRANGER)), ...command);
      const [name] = command[0] === "log" ? ["log key"] : command;
      const refused = `cpm-registry ${name} failed: ${dataDir} belongs to ${SERVER}. As root, run: ${line(...command)}\n`;
      expect([exitCode, stderr]).toEqual([1, refused]);
    }
    expect(await found()).toEqual({});
  }, 20_000);

  test("is named to a root that may not change its user", async () => {
    const { exitCode, stderr } = await runOnce(place("setpriv", "--bounding-set=-setuid,-setgid"), "migrate", "--json");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`here. Run: ${line("migrate", "--json")}\n`)]);
    expect(await found()).toEqual({});
  });

  test("is named at the start of a server that runs as root, also where only its files show it", async () => {
    expect(foreignOwnerText(dataDir)).toContain(`${dataDir} belongs to ${SERVER}, but this server runs as root`);
    expect((await runOnce(place(...as(SERVER)), "migrate")).exitCode).toBe(0);
    await chown(dataDir, 0, 0);
    expect(foreignOwnerText(dataDir)).toContain(`belongs to ${SERVER}`);
    await chown(join(dataDir, "registry.db"), 0, 0);
    expect(foreignOwnerText(dataDir)).toBeUndefined();
    const child = Bun.spawn([...PROGRAM, "serve"], {
      env: { ...place().env, DATA_DIR: join(parent) },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const said = await child.stderr.getReader().read();
    child.kill();
    await child.exited;
    expect(Buffer.from(said.value ?? Buffer.of()).toString()).toContain(
      `${parent} belongs to ${SERVER}, but this server`,
    );
  }, 20_000);
});
