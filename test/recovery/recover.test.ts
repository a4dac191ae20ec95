import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { listAccounts } from "../../src/accounts/list-accounts.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { readState } from "../../src/log/log-rows.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { eraseArchives } from "../../src/maintenance/erase-archives.ts";
import { takeDown } from "../../src/moderation/take-down.ts";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { checkpointOfNote } from "../../src/tlog/checkpoint.ts";
import { runOnce } from "../binary/executable.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { addKey, cancelByKey, newKey, removeKey, resetTo } from "../support/key-statements.ts";
import { SOURCES } from "../support/program.ts";
import { newResetLink } from "../support/reset-links.ts";
import { newAdmin } from "../support/roles.ts";
import { Verifier } from "../verify/scene.ts";
import { LosingRegistry } from "./scene.ts";
import { shown } from "./shown.ts";

/* Yesterday's database with today's storage: every change that was answered comes back. */

const PACKAGES = ["alpha", "beta", "gamma"];
const SETTINGS = [
  { kind: "sqlite", storage: "files" },
  { kind: "postgres", storage: "S3" },
] as const;

const publish = async (by: Client, name: string, version: string, key: SigningKey) => {
  const answer = await by.publish(name, version, makePackage({ name, version }), key);
  expect([name, version, answer.status]).toEqual([name, version, 201]);
};
const done = ({ status, text }: { readonly status: number; readonly text: string }) =>
  expect([status < 300, text]).toEqual([true, text]);

describe.each(SETTINGS)("recovery on $kind with $storage", ({ kind, storage }) => {
  let registry: LosingRegistry;
  let auditor: Verifier;
  let published: Record<string, string>;
  let carol: Client;
  const keys = { old: makeKey(), carol: makeKey() };
  const audit = () => auditor.ask("log", "audit", "--registry", registry.url, "--archives");

  beforeAll(async () => {
    registry = await LosingRegistry.make(kind, storage);
    auditor = await Verifier.make();
    await registry.start();
    const alice = await newAccount(registry, "alice");
    await publish(alice, "alpha", "1.0.0", keys.old);
    await publish(alice, "beta", "1.0.0", keys.old);
    await registry.snapshot();

    const admin = await newAdmin(registry);
    await publish(alice, "alpha", "1.1.0", keys.old);
    carol = await newAccount(registry, "carol");
    await publish(carol, "gamma", "1.0.0", keys.carol);
    const second = await newKey(alice);
    done(await addKey(alice, "alpha", second, { by: keys.old }));
    await publish(alice, "alpha", "1.2.0", second);
    const yank = { reason: "broken", message: "It does not start.", replacement: "1.1.0" };
    done(await alice.send("DELETE", "/api/packages/alpha/1.0.0", yank));
    done(await alice.send("DELETE", "/api/packages/beta/1.0.0"));
    done(await alice.post("/api/packages/beta/1.0.0"));
    done(await removeKey(alice, "alpha", keys.old, { by: second, reason: "compromised", since: "1.1.0" }));
    done(await resetTo(alice, "beta", second));
    done(await cancelByKey(new Client(registry.url), "beta", second, { by: keys.old }));
    done(await resetTo(alice, "beta", second));
    done(await admin.send("PUT", "/api/packages/beta/keys/reset/uphold"));
    const quarantine = { reason: "It mines coins.", category: "malware" };
    done(await admin.send("PUT", "/api/packages/gamma/1.0.0/quarantine", quarantine));
    done(await admin.send("PUT", "/api/packages/beta/quarantine", { reason: "a mistake" }));
    done(await admin.send("DELETE", "/api/packages/beta/quarantine"));
    await registry.announced();
    // The last changes are answered, and the machine dies before tiles have them.
    await registry.stop();
    await registry.start({ isSilent: true });
    await publish(carol, "gamma", "1.1.0", keys.carol);
    await publish(alice, "beta", "1.1.0", keys.old);
    published = await shown(registry.url, PACKAGES);
    expect((await audit()).exitCode).toBe(0);
    await registry.stop();
  });
  afterAll(async () => {
    await registry.remove();
    await auditor.remove();
  });

  test("an old database starts read-only, and a dry run says what it lacks and changes nothing", async () => {
    await registry.restore();
    await registry.start();
    expect(registry.deps.log.rollback).toBeDefined();
    const { size } = await registry.deps.db.read(readState);
    await registry.stop();
    const would = await registry.recover(true);
    expect(would?.from).toBe(size);
    expect(would?.counts).toEqual({ versions: 5, yanks: 4, keyChanges: 6, statuses: 3, takedowns: 0, logChanges: 0 });
    await registry.start();
    expect((await registry.deps.db.read(readState)).size).toBe(size);
    await registry.stop();
  });

  test("after the recovery every answer is byte for byte that of before, and the audit from before is clean", async () => {
    const recovery = await registry.recover();
    expect(recovery?.placeholders.map(({ username }) => username)).toEqual([carol.username]);
    expect(await registry.recover()).toBeUndefined();
    await registry.start();
    expect(registry.deps.log.rollback).toBeUndefined();
    const now = await shown(registry.url, PACKAGES);
    expect(now).toEqual(published);
    await registry.announced();
    const copy = checkpointOfNote((await registry.deps.blobs.readSidecar(CHECKPOINT_COPY)) ?? "");
    expect(copy?.root.toString("hex")).toBe(recovery?.root ?? "");
    expect(await audit()).toMatchObject({ exitCode: 0, codes: [] });
    const checked = await checkStore(registry.deps, { repair: false, report: () => undefined });
    expect(checked.problems.items).toEqual([]);
    expect(checked.orphans.count).toBe(0);
  });

  test("the log goes on: the placeholder is handed over, publishes with its key, and the audit stays clean", async () => {
    const { db } = registry.deps;
    const [user] = await db.read(({ query, tables: { users } }) =>
      query.select().from(users).where(eq(users.username, carol.username)),
    );
    expect(user?.email).toEndWith("@recovered.invalid");
    const { items } = await listAccounts(registry.deps, { sought: carol.username, kind: "all", after: "", limit: 1 });
    expect(items.map(({ state }) => state)).toEqual(["placeholder"]);
    const refused = { username: carol.username, password: "correct horse battery staple" };
    expectProblem(await new Client(registry.url).post("/api/auth/login", refused), 401, "invalid_credentials");
    const token = await newResetLink(registry, carol.username);
    const set = await new Client(registry.url).post("/api/auth/reset", { token, password: refused.password });
    expect(set.status).toBe(200);
    const { body } = await new Client(registry.url).post("/api/auth/login", refused);
    await publish(new Client(registry.url, body.token, carol.username), "gamma", "1.2.0", keys.carol);
    expect(await audit()).toMatchObject({ exitCode: 0, codes: [] });
    await registry.stop();
  });
});

test("a takedown that the old database lacks is recovered, also of a version that it never had", async () => {
  const registry = await LosingRegistry.make("sqlite", "files");
  try {
    await registry.start();
    const key = makeKey();
    const alice = await newAccount(registry, "alice");
    await publish(alice, "alpha", "1.0.0", key);
    await registry.snapshot();
    await publish(alice, "alpha", "1.1.0", key);
    for (const version of ["1.0.0", "1.1.0"]) {
      const because = { reason: "secret", reference: "ticket 1" } as const;
      const { archives } = await takeDown(registry.deps, OPERATOR, packageNameParam("alpha"), version, because);
      expect((await eraseArchives(registry.deps, archives)).removed).toHaveLength(1);
    }
    await publish(alice, "alpha", "1.2.0", key);
    await registry.announced();
    await registry.stop();
    await registry.restore();
    const recovered = await registry.recover();
    expect(recovered?.counts).toMatchObject({ statuses: 0, takedowns: 2 });
    await registry.start();
    const guest = new Client(registry.url);
    for (const version of ["1.0.0", "1.1.0"]) {
      expectProblem(await guest.get(`/api/packages/alpha/${version}`), 451, "taken_down");
      expectProblem(await guest.get(`/api/packages/alpha/${version}/readme`), 451, "taken_down");
    }
    expect((await guest.get("/api/packages/alpha/1.2.0/readme")).status).toBe(200);
    const { problems } = await checkStore(registry.deps, { repair: false, report: () => undefined });
    expect(problems.items).toEqual([]);
  } finally {
    await registry.remove();
  }
});

test("what a power cut took of the last second is named, and the registry goes on once that is accepted", async () => {
  const registry = await LosingRegistry.make("sqlite", "files");
  try {
    await registry.start();
    const key = makeKey();
    const alice = await newAccount(registry, "alice");
    await publish(alice, "alpha", "1.0.0", key);
    await registry.announced();
    await registry.snapshot();
    await registry.stop();
    await registry.start({ isSilent: true });
    for (const version of ["1.1.0", "1.2.0"]) await publish(alice, "alpha", version, key);
    await registry.stop();
    const recent = join(registry.dataDir, "recovery", "recent");
    const last = readdirSync(recent).find((name) => name.startsWith("2-3-")) ?? "none";
    truncateSync(join(recent, last));
    await registry.restore();
    for (const recovered of [true, false]) {
      const { exitCode, stdout, stderr } = await registry.recoverAsProcess();
      expect([exitCode, JSON.parse(stdout)]).toMatchObject([1, { recovered, lost: { from: 2, to: 3 } }]);
      expect(stderr).toContain("cpm-registry log accept-rollback");
    }
    await registry.start();
    expect(registry.deps.log.rollback).toEqual({ publishedSize: 3, foundSize: 2 });
    await registry.stop();
    const place = { command: SOURCES, cwd: "/", env: registry.settings };
    expect(await runOnce(place, "log", "accept-rollback", "--yes")).toMatchObject({ stderr: "", exitCode: 0 });
    await registry.start();
    expect((await new Client(registry.url).get("/api/packages/alpha/1.1.0")).status).toBe(200);
    await publish(alice, "alpha", "1.2.0", key);
    const { problems } = await checkStore(registry.deps, { repair: false, report: () => undefined });
    expect(problems.items).toEqual([]);
  } finally {
    await registry.remove();
  }
});
