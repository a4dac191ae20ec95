import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeLogKey } from "../../src/config/log-key.ts";
import { startNewLog } from "../../src/log/change-key.ts";
import { readState } from "../../src/log/log-rows.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { writeStaticTiles } from "../../src/log/static-tiles.ts";
import { RecoveryRefusal } from "../../src/recovery/recovery-refusal.ts";
import { parseNote, type SignerKey, signNote } from "../../src/tlog/note.ts";
import { runCommand } from "../maintenance/scene.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { logKeyOf, newLogKey, vkeyOf } from "../support/log-keys.ts";
import { TEST_LOG_ORIGIN } from "../support/registry.ts";
import { LosingRegistry } from "./scene.ts";

/* What a recovery refuses, with the reason, and changes nothing. Each test leaves all as it was. */

const key = makeKey();
let registry: LosingRegistry;
let alice: Client;
const pathOf = (name: string) => join(registry.dataDir, name);
const archiveOf = (version: string) => makePackage({ name: "kept", version });
const publish = (version: string) =>
  alice.publish("kept", version, archiveOf(version), key).then(({ status }) => status);

/** The code, the message and the items of the refusal. */
async function refusal(): Promise<RecoveryRefusal> {
  const cause = await registry.recover().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (cause instanceof RecoveryRefusal) return cause;
  throw cause ?? new Error("The recovery was not refused");
}

/** Changes a file for the time of `work`. */
async function withFile(name: string, change: (path: string) => void, work: () => Promise<void>): Promise<void> {
  const path = pathOf(name);
  const kept = readFileSync(path);
  change(path);
  try {
    await work();
  } finally {
    writeFileSync(path, kept);
  }
}

beforeAll(async () => {
  registry = await LosingRegistry.make("sqlite", "files");
  await registry.start();
  alice = await newAccount(registry, "alice");
  expect(await publish("1.0.0")).toBe(201);
  await registry.snapshot();
  for (const version of ["1.1.0", "1.2.0"]) expect(await publish(version)).toBe(201);
  const yank = { reason: "broken", message: "It fails.", replacement: "1.2.0" };
  expect((await alice.send("DELETE", "/api/packages/kept/1.1.0", yank)).status).toBe(200);
  await registry.announced();
  await registry.stop();
  await registry.restore();
});
afterAll(() => registry.remove());

test("a recovery without an archive names the version and changes nothing", async () => {
  const digest = sha256(archiveOf("1.2.0"));
  const blob = `packages/sha256/${digest.slice(0, 2)}/${digest}`;
  await withFile(blob, rmSync, async () => {
    const { code, message, items } = await refusal();
    expect([code, items]).toEqual(["archives_missing", [`kept 1.2.0 (sha256 ${digest})`]]);
    expect(message).toContain("Put them back");
  });
});

test("a recovery with an archive of other bytes stops at its version and continues with the right one", async () => {
  const bytes = archiveOf("1.2.0");
  const digest = sha256(bytes);
  const damaged = Buffer.from(bytes);
  damaged[40] = 255 - (damaged[40] ?? 0);
  const blob = `packages/sha256/${digest.slice(0, 2)}/${digest}`;
  await withFile(
    blob,
    (path) => writeFileSync(path, damaged),
    async () => {
      const { code, items } = await refusal();
      expect([code, items]).toEqual(["archive_damaged", [`kept 1.2.0 (sha256 ${digest})`]]);
    },
  );
  expect((await registry.recover())?.to).toBe(4);
  await registry.restore();
});

test("a missing or damaged bundle is named", async () => {
  const bundle = "log/tile/entries/000.p/4";
  await withFile(bundle, rmSync, async () => {
    expect(await refusal()).toMatchObject({ code: "tile_missing", items: [bundle] });
  });
  const changed = (path: string) =>
    writeFileSync(path, readFileSync(path).toString("latin1").replace("size ", "size 1").slice(0, -1), "latin1");
  await withFile(bundle, changed, async () => {
    expect(await refusal()).toMatchObject({ code: "tile_damaged", items: [bundle] });
  });
});

test("a checkpoint that another key signed is not believed, and one that is missing is explained", async () => {
  const forge = (path: string) =>
    writeFileSync(path, signNote(parseNote(readFileSync(path, "utf8"))?.text ?? "", newLogKey()));
  await withFile("log/checkpoint", forge, async () => {
    expect((await refusal()).code).toBe("checkpoint_untrusted");
  });
  await withFile("log/checkpoint", rmSync, async () => {
    expect((await refusal()).code).toBe("no_checkpoint");
  });
});

test("a database in which something else was published is a fork, and is refused", async () => {
  const [log, recovery] = [pathOf("log"), pathOf("recovery")];
  for (const directory of [log, recovery]) renameSync(directory, `${directory}-aside`);
  await registry.start();
  expect(await publish("1.3.0")).toBe(201);
  await registry.stop();
  for (const directory of [log, recovery]) {
    rmSync(directory, { recursive: true, force: true });
    cpSync(`${directory}-aside`, directory, { recursive: true });
  }
  expect((await refusal()).code).toBe("log_forked");
  await registry.restore();
});

/** Makes what `log start-new` leaves beside the archives, with a key that may be anybody's. */
async function startNewBeside(newKey: SignerKey): Promise<void> {
  await registry.start();
  const { db, blobs } = registry.deps;
  await startNewLog({ db, clock: () => new Date() }, { to: newKey, at: new Date() });
  const state = await db.read(readState);
  await writeStaticTiles({ db, blobs }, 0, state.size);
  await blobs.putSidecar(CHECKPOINT_COPY, state.checkpoint);
  await registry.stop();
  await registry.restore();
}

test("a new log begun beside the archives is followed only with a key of this machine", async () => {
  const [log, recovery] = [pathOf("log"), pathOf("recovery")];
  for (const directory of [log, recovery]) cpSync(directory, `${directory}-kept`, { recursive: true });
  const text = makeLogKey("elsewhere.example/log");
  expect((await registry.recover())?.to).toBe(4);
  await startNewBeside(logKeyOf(text));
  const { code, message, items } = await refusal();
  expect([code, items]).toEqual(["log_change_invalid", [vkeyOf(logKeyOf(text))]]);
  expect(message).toContain("log.key");
  const { logKeys } = registry;
  registry.logKeys = [...logKeys, text];
  const forge = (path: string) =>
    writeFileSync(path, readFileSync(path, "utf8").replace(TEST_LOG_ORIGIN, "x.example/log"));
  await withFile("recovery/tile/entries/000.p/5", forge, async () => {
    expect((await refusal()).code).toBe("log_change_invalid");
  });
  expect(await registry.recover()).toMatchObject({ to: 5, counts: { logChanges: 1 } });
  registry.logKeys = logKeys;
  for (const directory of [log, recovery]) {
    rmSync(directory, { recursive: true, force: true });
    renameSync(`${directory}-kept`, directory);
  }
  await registry.restore();
});

test("details that no request can have made are left out, and all else comes back", async () => {
  const stranger = { id: crypto.randomUUID(), username: "x\u0000\n<b>admin" };
  const forged = {
    at: "-100000-01-01T00:00:00.000Z",
    publisher: stranger,
    ...{ reason: "<b>", message: "x".repeat(1_001), replacement: "javascript:alert(1)" },
  };
  const forge = (path: string) => writeFileSync(path, Array(4).fill(JSON.stringify(forged)).join("\n"));
  await withFile("recovery/tile/entries/000.p/4", forge, async () => {
    expect(await registry.recover()).toMatchObject({ placeholders: [], counts: { versions: 2, yanks: 1 } });
  });
  await registry.start();
  const { body } = await alice.get("/api/packages/kept/1.1.0");
  const nothing = { yankReason: null, yankMessage: null, yankReplacement: null };
  expect(body).toMatchObject({ yanked: true, publishedBy: alice.username, ...nothing });
  await registry.stop();
  await registry.restore();
});

test("a running registry is left alone, and gc refuses to remove what is to be recovered", async () => {
  await registry.start();
  const running = await registry.recoverAsProcess();
  expect([running.exitCode, JSON.parse(running.stdout).refused.code]).toEqual([1, "registry_running"]);
  await registry.stop();
  const gc = await runCommand({ DATA_DIR: registry.dataDir }, "gc", "--grace", "0s");
  expect([gc.exitCode, gc.stderr]).toEqual([1, expect.stringContaining("log recover")]);
  const { exitCode, stdout } = await runCommand({ DATA_DIR: registry.dataDir }, "log", "recover");
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^Recovered .*: 2 versions,/)]);
  // What the operator did since the backup is undone, and only the operator knows it.
  for (const command of ["disable", "revoke", "forget", "reset-password"]) {
    expect(stdout).toContain(`cpm-registry admin ${command} <username>`);
  }
});
