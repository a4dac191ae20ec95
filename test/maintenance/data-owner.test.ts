import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  test("is whom a server that root starts becomes, also where only its files show it", async () => {
    await chown(dataDir, 0, 0);
    await chmod(dataDir, 0o777);
    expect((await runOnce(place(...as(SERVER)), "migrate")).exitCode).toBe(0);
    expect(await saidAtStart(place())).toContain("cpm-registry is ready at");
    const wrong = Object.entries(await found()).filter(([, value]) => !value.startsWith("61234:61234 "));
    expect(wrong).toEqual([]);
  }, 20_000);

  test("is named at the start of a server that runs as another user who may write there", async () => {
    await chmod(dataDir, 0o777);
    expect((await runOnce(place(...as(SERVER)), "migrate")).exitCode).toBe(0);
    await chmod(join(dataDir, "registry.db"), 0o666);
    const said = await saidAtStart(place(...as(STRANGER)));
    expect(said).toContain(`${dataDir} belongs to ${SERVER}, but this server runs as ${STRANGER}`);
  }, 20_000);

  test("is told how to get a file back that root left there", async () => {
    expect((await runOnce(place(), "log", "key")).exitCode).toBe(0);
    await chown(join(dataDir, "log.key"), 0, 0);
    const { exitCode, stderr } = await runOnce(place(), "log", "key");
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining(
        `the user ${SERVER} may not use ${dataDir}/log.key. As root, run: chown -R ${SERVER}: ${dataDir} (EACCES)`,
      ),
    ]);
  }, 20_000);

  test("is told how to make a directory for the backup", async () => {
    expect((await runOnce(place(), "migrate")).exitCode).toBe(0);
    await chown(parent, 0, 0);
    const backup = join(parent, "backup");
    const { exitCode, stderr } = await runOnce(place(), "backup", "create", backup);
    await chown(parent, SERVER, SERVER);
    expect([exitCode, stderr]).toEqual([
      1,
      `cpm-registry backup create failed: the user ${SERVER} may not use ${backup}. As root, run: install -d -m 700 -o ${SERVER} -g ${SERVER} ${backup} (EACCES)\n`,
    ]);
  }, 20_000);
});

/** Starts a server, and returns what it said until it was ready or had refused. */
async function saidAtStart({ command, env }: Place): Promise<string> {
  const child = Bun.spawn([...command, "serve"], { env, cwd: "/", stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const errors = new Response(child.stderr).text();
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of child.stdout) {
    said += decoder.decode(chunk);
    if (said.includes("is ready at")) child.kill();
  }
  await child.exited;
  return said + (await errors);
}
