import { describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { isInUse } from "../../src/db/in-use.ts";
import { takeProcessLock } from "../../src/db/process-lock.ts";
import { parseNote } from "../../src/tlog/note.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { FIRST_LOG_KEY, logKeyOf, newLogKey, vkeyOf } from "../support/log-keys.ts";
import { testPostgres } from "../support/postgres.ts";
import { SOURCES } from "../support/program.ts";
import { type DatabaseKind, TEST_JWT_KEY, TEST_LOG_KEY, TEST_LOG_ORIGIN } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/* log rotate-key and log start-new as an operator runs them, and what a crash within them leaves. */

interface Scene {
  readonly server: ServerProcess;
  readonly settings: Readonly<Record<string, string>>;
  /** Runs a command with other settings than the server's. */
  run(settings: Readonly<Record<string, string>>, ...args: string[]): ReturnType<ServerProcess["run"]>;
  stop(): Promise<void>;
  publish(name: string): Promise<number>;
  checkpoint(): Promise<string>;
}

async function onServer(kind: DatabaseKind, extra: Record<string, string>, work: (scene: Scene) => Promise<void>) {
  const url = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
  const directory = await mkdtemp(join(tmpdir(), "cpm-change-key-"));
  const server = await prepareServer(directory, url, extra);
  const settings = {
    ...{ PATH: process.env.PATH ?? "", DATA_DIR: directory, JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY },
    ...(url === undefined ? {} : { DATABASE_URL: url }),
    ...extra,
  };
  const { database } = readConfig(undefined, settings);
  const key = makeKey();
  try {
    await server.start();
    await work({
      server,
      settings,
      run: async (other, ...args) => {
        const child = Bun.spawn([...SOURCES, ...args], {
          env: { ...settings, ...other },
          stdout: "pipe",
          stderr: "pipe",
        });
        const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
        return { exitCode: await child.exited, stdout, stderr };
      },
      stop: async () => {
        await server.kill();
        // Postgres lists a connection for a moment after its client has gone.
        await waitUntil(async () => !(await isInUse(database)), "the registry is known to be gone");
      },
      publish: async (name) => {
        const by = await newAccount(server, name);
        return (await by.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status;
      },
      checkpoint: async () => (await fetch(`${server.url}/log/checkpoint`)).text(),
    });
  } finally {
    await server.remove();
    await rm(directory, { recursive: true, force: true });
    if (url !== undefined) await (await testPostgres()).dropDatabase(url);
  }
}

const signersOf = (note: string) => (parseNote(note)?.signatures ?? []).map(({ keyId }) => keyId);

describe.each(["sqlite", "postgres"] as const)("changes of the log's key (%s)", (kind) => {
  test(
    "log rotate-key takes the new key from LOG_SIGNING_KEY, and refuses while a registry runs or without one",
    () =>
      onServer(kind, {}, async ({ server, run, stop, publish, checkpoint }) => {
        expect(await publish("before")).toBe(201);
        const running = await run({}, "log", "rotate-key", "--json");
        expect([running.exitCode, JSON.parse(running.stdout)]).toEqual([
          1,
          { changed: false, refused: expect.stringContaining("Stop it on every machine") },
        ]);
        await stop();
        const without = await run({}, "log", "rotate-key");
        expect([without.exitCode, without.stderr]).toEqual([
          1,
          expect.stringContaining("log make-key registry.test/log"),
        ]);

        const next = newLogKey();
        const both = { LOG_SIGNING_KEY: `${TEST_LOG_KEY} ${logKeyText(next)}` };
        const done = await run(both, "log", "rotate-key", "--json");
        expect([done.stderr, done.exitCode, JSON.parse(done.stdout)]).toEqual([
          "",
          0,
          { changed: true, index: 1, oldKey: vkeyOf(FIRST_LOG_KEY), vkey: vkeyOf(next), until: expect.any(String) },
        ]);
        expect((await run(both, "log", "key")).stdout.trim()).toBe(vkeyOf(next));
        await server.start({ ...both, WORKERS: "2" });
        expect(signersOf(await checkpoint())).toEqual([next.keyId, FIRST_LOG_KEY.keyId]);
        expect(await publish("after")).toBe(201);
        expect(signersOf(await checkpoint())).toEqual([next.keyId, FIRST_LOG_KEY.keyId]);
        const answer = await (await fetch(`${server.url}/api/log/changes`)).json();
        const leaf = expect.stringContaining("cpm.log/v1 rotate\n");
        expect(answer).toMatchObject({ changes: [{ index: 1, leaf }] });
      }),
    60_000,
  );

  test(
    "log start-new begins a new log once the key is lost, and the registry reads on until then",
    () =>
      onServer(kind, {}, async ({ server, run, stop, publish, checkpoint }) => {
        expect(await publish("before")).toBe(201);
        await stop();
        const known = await run({}, "log", "start-new", "--yes");
        expect([known.exitCode, known.stderr]).toEqual([1, expect.stringContaining("log rotate-key")]);

        const lost = { LOG_SIGNING_KEY: logKeyText(newLogKey()) };
        await server.start(lost);
        expect((await fetch(`${server.url}/api/packages/before`)).status).toBe(200);
        expect(await publish("refused")).toBe(503);
        expect(server.output()).toContain("look at cpm-registry log start-new.");
        await stop();

        const fresh = newLogKey("registry.test/fresh");
        const given = { LOG_SIGNING_KEY: logKeyText(fresh) };
        const unkeyed = await run(lost, "log", "start-new", "--origin", "registry.test/other");
        expect([unkeyed.exitCode, unkeyed.stderr]).toEqual([0, ""]);
        expect(unkeyed.stdout).toContain("log make-key registry.test/other");
        const asked = await run(given, "log", "start-new");
        expect([asked.exitCode, asked.stderr]).toEqual([0, ""]);
        expect(asked.stdout).toMatch(/^Nothing was changed. With --yes, the log registry\.test\/fresh /);
        const previewed = { changed: false, origin: "registry.test/fresh", oldKey: vkeyOf(FIRST_LOG_KEY) };
        expect(JSON.parse((await run(given, "log", "start-new", "--json")).stdout)).toEqual(previewed);
        const done = await run(given, "log", "start-new", "--yes");
        expect([done.exitCode, done.stderr]).toEqual([0, ""]);
        expect(done.stdout).toContain(` --vkey '${vkeyOf(fresh)}'`);
        await server.start(given);
        expect(server.output()).not.toContain("log_");
        const note = await checkpoint();
        expect([note.split("\n", 2), signersOf(note)]).toEqual([["registry.test/fresh", "2"], [fresh.keyId]]);
        expect(await publish("after")).toBe(201);
      }),
    60_000,
  );
});

/** The text of a signer key, which only its file and LOG_SIGNING_KEY have. */
function logKeyText({ name, keyId, secret }: ReturnType<typeof newLogKey>): string {
  const seed = secret.export({ format: "der", type: "pkcs8" }).subarray(-32);
  return `PRIVATE+KEY+${name}+${keyId}+${Buffer.concat([Buffer.of(1), seed]).toString("base64")}`;
}

describe("changes of the log's key in log.key", () => {
  const withFile = (work: (scene: Scene & { readonly path: string; lines(): Promise<string[]> }) => Promise<void>) =>
    onServer("sqlite", { LOG_SIGNING_KEY: "", LOG_ORIGIN: TEST_LOG_ORIGIN }, async (scene) => {
      expect(await scene.publish("before")).toBe(201);
      await scene.stop();
      const path = join(scene.server.dataDir, "log.key");
      await work({ ...scene, path, lines: async () => (await readFile(path, "utf8")).trim().split("\n") });
    });

  test(
    "log rotate-key makes a new key, writes it first, and drops a key that does not sign any more",
    () =>
      withFile(async ({ server, run, stop, path, lines, publish, checkpoint }) => {
        const [first = ""] = await lines();
        const done = await run({}, "log", "rotate-key", "--days", "0");
        expect([done.exitCode, done.stderr]).toEqual([0, ""]);
        expect(done.stdout).toContain(`${path} has changed: keep a copy of it`);
        const [second = "", ...none] = await lines();
        expect([none, second === first, (await stat(path)).mode & 0o777]).toEqual([[], false, 0o600]);
        await writeFile(path, `${first}\n${second}\n`);
        const over = (await run({}, "log", "key")).stderr;
        expect(over).toContain(`does not sign any more: ${vkeyOf(logKeyOf(first))}\n`);
        const inSettings = await run({ LOG_SIGNING_KEY: `${second} ${first}` }, "log", "rotate-key", "--finish");
        const begin = first.split("+", 4).join("+");
        expect([inSettings.exitCode, inSettings.stderr]).toEqual([1, expect.stringContaining(`${begin}+…`)]);
        const finished = await run({}, "log", "rotate-key", "--finish");
        expect([finished.exitCode, finished.stderr, await lines()]).toEqual([0, "", [second]]);
        expect(finished.stdout).toContain(vkeyOf(logKeyOf(first)));
        await server.start();
        expect(await publish("between")).toBe(201);
        expect(signersOf(await checkpoint())).toEqual([logKeyOf(second).keyId]);
        await stop();
        expect((await run({}, "log", "rotate-key", "--days", "1")).exitCode).toBe(0);
        const [third = "", old] = await lines();
        expect(old).toBe(second);
        const shown = await run({}, "log", "key");
        expect(shown.stdout.trim()).toBe(vkeyOf(logKeyOf(third)));
        expect(shown.stderr).toMatch(/^The old key signs too, until 20\d\d-.*: registry\.test\/log\+/);
        await server.start();
        const early = await run({}, "log", "rotate-key", "--finish", "--json");
        const stillSigning = [{ vkey: vkeyOf(logKeyOf(second)), until: expect.any(String) }];
        expect(JSON.parse(early.stdout)).toEqual({ changed: false, removed: [], stillSigning });
        expect([early.exitCode, await lines()]).toEqual([1, [third, second]]);
        expect(await publish("after")).toBe(201);
        expect(signersOf(await checkpoint())).toEqual([logKeyOf(third).keyId, logKeyOf(second).keyId]);
      }),
    60_000,
  );

  test.each([
    ["before the leaf is committed", "log.appended", 1],
    ["after the leaf is committed", "log.committed", 2],
  ])(
    "a rotation that is killed %s leaves a registry that starts, and can be repeated",
    async (_, point, signers) => {
      await withFile(async ({ server, run, stop, lines, publish, checkpoint }) => {
        const killed = await run({ NODE_ENV: "test", FAILPOINTS: `${point}=kill` }, "log", "rotate-key");
        expect([killed.exitCode, killed.stderr]).toEqual([137, ""]);
        expect(killed.stdout).toBe("");
        const [, made = ""] = await lines();
        await server.start();
        expect(server.output()).not.toContain("log_");
        expect(await publish("after")).toBe(201);
        expect(signersOf(await checkpoint())).toHaveLength(signers);
        await stop();
        const again = await run({}, "log", "rotate-key", "--json");
        expect([again.exitCode, again.stderr]).toEqual([0, ""]);
        // The key that the killed command made is taken, unless it is the log's key already.
        expect(JSON.parse(again.stdout).vkey === vkeyOf(logKeyOf(made))).toBe(signers === 1);
        await server.start();
        expect(await publish("again")).toBe(201);
        expect(signersOf(await checkpoint())).toHaveLength(signers + 1);
      });
    },
    60_000,
  );

  test.each([
    ["before the leaf is committed", "log.appended"],
    ["after the leaf is committed", "log.committed"],
  ])(
    "a new log whose start is killed %s leaves a registry that starts and says what to do",
    async (_, point) => {
      await withFile(async ({ server, run, stop, path, publish, checkpoint }) => {
        await unlink(path);
        const killed = await run({ NODE_ENV: "test", FAILPOINTS: `${point}=kill` }, "log", "start-new", "--yes");
        expect([killed.exitCode, killed.stderr]).toEqual([137, ""]);
        await server.start();
        expect((await fetch(`${server.url}/api/packages/before`)).status).toBe(200);
        if (point === "log.appended") {
          expect(server.output()).toContain("look at cpm-registry log start-new");
          expect(await publish("refused")).toBe(503);
          await stop();
          expect((await run({}, "log", "start-new", "--yes")).exitCode).toBe(0);
          await server.start();
        }
        expect(await publish("after")).toBe(201);
        expect((await checkpoint()).split("\n", 1)).toEqual(["registry.test/log-2"]);
      });
    },
    60_000,
  );

  test(
    "two commands never change log.key at the same time",
    () =>
      withFile(async ({ run, path }) => {
        const before = await readFile(path, "utf8");
        const release = takeProcessLock(`${path}.lock`);
        for (const option of [[], ["--finish"]]) {
          const { exitCode, stderr } = await run({}, "log", "rotate-key", ...option);
          expect([exitCode, stderr]).toEqual([1, expect.stringContaining("another command changes the key")]);
        }
        expect(await readFile(path, "utf8")).toBe(before);
        release?.();
        expect((await run({}, "log", "rotate-key")).exitCode).toBe(0);
      }),
    60_000,
  );

  test(
    "log start-new does not touch a log.key that contains something else",
    () =>
      withFile(async ({ run, path }) => {
        await writeFile(path, "a letter\n");
        const refused = await run({}, "log", "start-new", "--yes");
        expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("Move it away")]);
        expect(await readFile(path, "utf8")).toBe("a letter\n");
      }),
    60_000,
  );
});
