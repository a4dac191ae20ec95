import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runOnce } from "../binary/executable.ts";
import { PROGRAM } from "../support/program.ts";

/** Numbers that no account of a usual machine has. */
const SERVER = 61_234;
const STRANGER = 61_235;

/** Commands that read the settings, and do not open the data directory or are the server itself. */
const NOT_OFFLINE = ["serve", "worker", "healthcheck", "openapi"];

/**
 * The arguments with which a command gets as far as the data directory, in an order in which all can
 * run as root. A command that is not listed here fails the test: list it.
 */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  migrate: [],
  "log key": [],
  fsck: ["--repair"],
  gc: [],
  "storage copy": ["--from", "FileSystem", "--to", "file:COPY"],
  "admin create": ["ada", "--admin"],
  "admin invite": [],
  "admin list": [],
  "admin show": ["ada"],
  "admin reset-password": ["ada"],
  "admin grant": ["ada"],
  "admin revoke": ["ada"],
  "admin disable": ["ada"],
  "admin enable": ["ada"],
  "admin delete": ["ada", "--yes"],
  "admin forget": ["ada", "--yes"],
  "admin quarantine": ["some-package", "--reason", "a test", "--category", "malware"],
  "admin purge": ["some-package", "1.0.0", "--reason", "malware", "--reference", "a test", "--yes"],
  "admin uphold-reset": ["some-package"],
  "admin allow-name": ["some-package"],
  "admin read-only": ["off"],
  "admin events": [],
  "admin rotate-jwt-key": [],
  "backup create": ["COPY/backup"],
  "backup restore": ["COPY/backup"],
  "log recover": [],
  "log rotate-key": [],
  "log start-new": [],
  "log accept-rollback": [],
  // The last one, because no command uses a database that was copied.
  "db copy": ["--from", "DATA/registry.db", "--to", "COPY/registry.db"],
};

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("Not root: the test of all commands with the data directory of another user is skipped.");

const offline = [
  "db copy",
  ...COMMANDS.filter(({ name, options }) => "config" in options && !NOT_OFFLINE.includes(name)).map(({ name }) => name),
];

let dataDir: string;
let copyDir: string;

async function directoryOf(uid: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cpm-owners-"));
  await chown(directory, uid, uid);
  await chmod(directory, 0o755);
  return directory;
}

function run(before: readonly string[], name: string) {
  const args = (ARGUMENTS[name] ?? []).map((word) => word.replace("COPY", copyDir).replace("DATA", dataDir));
  const env = { DATA_DIR: dataDir, LOG_ORIGIN: "registry.test/log" };
  return runOnce({ command: [...before, ...PROGRAM], cwd: "/", env }, ...name.split(" "), ...args);
}

async function foreignFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  const owners = await Promise.all(names.map(async (name) => ({ name, uid: (await stat(join(directory, name))).uid })));
  return owners.filter(({ uid }) => uid !== SERVER).map(({ name }) => name);
}

describe.skipIf(!isRoot)("a command on the data directory of another user", () => {
  beforeAll(async () => {
    [dataDir, copyDir] = [await directoryOf(SERVER), await directoryOf(SERVER)];
  });
  afterAll(() => Promise.all([dataDir, copyDir].map((path) => rm(path, { recursive: true, force: true }))));

  test("is listed here, so that it is tried", () => {
    expect(offline.toSorted()).toEqual(Object.keys(ARGUMENTS).toSorted());
  });

  test("makes a backup in a directory of that user, whose parent that user may not read", async () => {
    const [parent, place] = [await mkdtemp(join(tmpdir(), "cpm-owners-parent-")), await directoryOf(SERVER)];
    try {
      await chmod(parent, 0o711);
      const backup = join(parent, "backup");
      await mkdir(backup);
      await chown(backup, SERVER, SERVER);
      const run = (...args: string[]) =>
        runOnce({ command: PROGRAM, cwd: "/", env: { DATA_DIR: place, LOG_ORIGIN: "registry.test/log" } }, ...args);
      for (const args of [["migrate"], ["backup", "create", backup], ["backup", "create", backup]])
        expect(await run(...args)).toMatchObject({ stderr: "", exitCode: 0 });
    } finally {
      for (const path of [parent, place]) await rm(path, { recursive: true, force: true });
    }
  });

  test.each(Object.keys(ARGUMENTS))("leaves nothing of root there: %s", async (name) => {
    const { exitCode } = await run([], name);
    expect([exitCode === 64, await foreignFiles(dataDir), await foreignFiles(copyDir)]).toEqual([false, [], []]);
  });

  test.each(Object.keys(ARGUMENTS))("refuses a user who is not root, with the line to type: %s", async (name) => {
    const as = ["setpriv", `--reuid=${STRANGER}`, `--regid=${STRANGER}`, "--clear-groups"];
    const { exitCode, stderr } = await run(as, name);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`belongs to ${SERVER}. As root, run: setpriv `)]);
  });
});
