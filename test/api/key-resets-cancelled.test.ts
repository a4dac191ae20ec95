import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import type { createApp } from "../../src/app.ts";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { disableAccount, enableAccount } from "../../src/moderation/set-disabled.ts";
import { type Client, expectProblem, type Json, makeKey, signMessage } from "../support/client.ts";
import {
  addKey,
  cancelByKey,
  changeStatement,
  keyIdOf,
  previousOf,
  removeKey,
  resetTo,
  SIGNED_AT,
} from "../support/key-statements.ts";
import { untilLockWaiters } from "../support/lock-waiters.ts";
import { onBothDatabases, overriding } from "../support/registry.ts";
import { RESET_DELAY_MS, resetScene } from "../support/reset-scene.ts";
import { withToken } from "../support/roles.ts";

/** How many transactions that change something were begun. */
const writes = { count: 0 };
const OPTIONS = {
  env: { PUBLISH_LIMITS: "off" },
  override: (deps: Parameters<typeof createApp>[0]) => ({
    db: overriding(deps.db, {
      write: (work) => {
        writes.count += 1;
        return deps.db.write(work);
      },
    }),
  }),
};

onBothDatabases(
  "cancelling key resets",
  (registry) => {
    const { people, lost, fresh, guest, timeAt, at, publish, published, read, stateOf, cancel, eventsAbout, again } =
      resetScene(registry);

    /** Proves that a leaf is of a cancel by an account or the operator, which nobody signs. */
    const expectUnsignedCancel = (leaf: string, name: string, by: string) => {
      const [head, byLine, previous, at, ...rest] = leaf.split("\n");
      expect([head, byLine, ...rest]).toEqual([
        `cpm.key/v2 ${name} 2 cancel ${fresh.publicHex}`,
        `by ${by}`,
        "signatures -",
        "",
      ]);
      expect([previous, at].join()).toMatch(/^previous [0-9a-f]{64},at [-0-9]+T[:0-9]+Z$/);
    };

    test("a key reset that an owner's session cancelled never takes effect", async () => {
      await published("called-off");
      await resetTo(people.alice, "called-off", fresh);
      expectProblem(await cancel(people.bob, "called-off"), 403, "not_an_owner");
      expectProblem(await cancel(guest(), "called-off"), 401, "unauthenticated");
      expectProblem(await cancel(await withToken(people.alice, ["owners"]), "called-off"), 403, "session_required");
      const cancelled = await cancel(people.alice, "called-off");
      expect([cancelled.status, cancelled.body.reset]).toEqual([200, null]);
      const { action, statement, by, leaf } = cancelled.body.changes[1];
      expect([action, statement, by]).toEqual(["cancel", null, people.alice.username]);
      expectUnsignedCancel(leaf, "called-off", people.alice.username);
      at(RESET_DELAY_MS);
      expect(await stateOf("called-off")).toEqual([[lost.publicHex, "active"]]);
      expectProblem(await publish("called-off", "2.0.0", fresh), 403, "key_not_trusted");
      expect((await publish("called-off", "2.0.0", lost)).status).toBe(201);
      expectProblem(await cancel(await again(people.alice), "called-off"), 404, "reset_not_found");
      const key = { keyId: keyIdOf(fresh), publicKey: fresh.publicHex };
      const effectiveAt = timeAt(RESET_DELAY_MS).toISOString();
      expect(await eventsAbout("called-off", "reset")).toEqual([
        [people.alice.username, { ...key, effectiveAt }],
        [people.alice.username, key],
      ]);
    });

    test("a key reset is cancelled by an old key without an account, by no other key, and once per signature", async () => {
      await published("kept");
      await resetTo(people.alice, "kept", fresh);
      expectProblem(await cancelByKey(guest(), "kept", fresh, { by: makeKey() }), 400, "signature_invalid");
      expectProblem(await cancelByKey(guest(), "kept", fresh, { by: fresh }), 400, "signature_invalid");
      const previous = await previousOf(guest(), "kept");
      for (const statement of [
        changeStatement("kept", "reset", fresh, previous),
        changeStatement("kept", "cancel", lost, previous),
        changeStatement("other", "cancel", fresh, previous),
      ]) {
        const signature = signMessage(lost, statement);
        expectProblem(await cancel(guest(), "kept", { previous, at: SIGNED_AT, signature }), 400, "signature_invalid");
      }
      const cancelled = await cancelByKey(guest(), "kept", fresh, { by: lost });
      expect([cancelled.status, cancelled.body.reset]).toEqual([200, null]);
      const { by, statement, leaf } = cancelled.body.changes[1];
      const signedAt = /^at: (.*)$/m.exec(statement)?.[1] ?? "";
      expect([by, statement]).toEqual([null, changeStatement("kept", "cancel", fresh, previous, { at: signedAt })]);
      expect(leaf.split("\n").slice(1, 4)).toEqual(["by -", `previous ${previous}`, `at ${signedAt}`]);
      expect(leaf).toContain(`\nsignatures ${signMessage(lost, statement)}\n`);
      expect(
        (await eventsAbout("kept", "reset_cancelled")).map(([who, details]: Json) => [who, details.signedBy]),
      ).toEqual([[null, keyIdOf(lost)]]);
      expect((await resetTo(people.alice, "kept", fresh)).status).toBe(200);
      const replayed = await cancelByKey(guest(), "kept", fresh, { by: lost, previous });
      expectProblem(replayed, 409, "key_change_outdated");
      expect((await read("kept")).reset).not.toBeNull();
      at(RESET_DELAY_MS);
      expectProblem(await cancelByKey(guest(), "kept", fresh, { by: lost }), 404, "reset_not_found");
      expect((await publish("kept", "2.0.0", fresh)).status).toBe(201);
    });

    /** A package of Alice and Bob. */
    const shared = async (name: string) => {
      await published(name);
      for (const by of [people.alice, people.bob]) {
        expect((await by.send("PUT", `/api/packages/${name}/owners/${people.bob.username}`)).status).toBe(200);
      }
    };
    const removeBob = (by: Client, name: string) =>
      by.send("DELETE", `/api/packages/${name}/owners/${people.bob.username}`);

    test("a key reset is cancelled when the owner who requested it is removed, and not when another is", async () => {
      await shared("parted");
      await shared("parted-other");
      await resetTo(people.bob, "parted", fresh);
      await resetTo(people.alice, "parted-other", fresh);
      for (const name of ["parted", "parted-other"]) expect((await removeBob(people.alice, name)).status).toBe(200);
      expect((await read("parted-other")).reset).not.toBeNull();
      const { reset, changes } = await read("parted");
      expect(reset).toBeNull();
      expectUnsignedCancel(changes[1].leaf, "parted", people.alice.username);
      at(RESET_DELAY_MS);
      expectProblem(await publish("parted", "2.0.0", fresh), 403, "key_not_trusted");
      expect((await publish("parted", "2.0.0", lost)).status).toBe(201);
      const key = { keyId: keyIdOf(fresh), publicKey: fresh.publicHex };
      expect(await eventsAbout("parted", "reset_cancelled")).toEqual([[people.alice.username, key]]);
      expect(await eventsAbout("parted-other", "reset_cancelled")).toEqual([]);
    });

    test("a due key reset stays in effect when its requester leaves, whether or not it was recorded", async () => {
      await shared("handed-over");
      await resetTo(people.bob, "handed-over", fresh);
      at(RESET_DELAY_MS);
      expect((await removeBob(await again(people.bob), "handed-over")).status).toBe(200);
      expect((await publish("handed-over", "2.0.0", fresh)).status).toBe(201);
      expect(await eventsAbout("handed-over", "reset_cancelled")).toEqual([]);
    });

    test("a key reset is cancelled when its requester's account is disabled, also if that is enabled again", async () => {
      const names = ["seized", "seized-too"];
      for (const name of names) await shared(name);
      await shared("seized-not");
      for (const name of names) await resetTo(people.bob, name, fresh);
      await resetTo(people.alice, "seized-not", fresh);
      const { deps } = registry();
      for (const retireKeys of [false, true]) await disableAccount(deps, OPERATOR, people.bob.username, { retireKeys });
      await enableAccount(deps, OPERATOR, people.bob.username);
      expect((await read("seized-not")).reset).not.toBeNull();
      for (const name of names) {
        const { reset, changes } = await read(name);
        expect([reset, changes.length]).toEqual([null, 2]);
        expectUnsignedCancel(changes[1].leaf, name, "(operator)");
        const key = { keyId: keyIdOf(fresh), publicKey: fresh.publicHex };
        expect(await eventsAbout(name, "reset_cancelled")).toEqual([[null, key]]);
      }
      at(RESET_DELAY_MS);
      for (const name of names) expect(await stateOf(name)).toEqual([[lost.publicHex, "active"]]);
    });

    test("disabling an account locks the account before it locks the log to cancel key resets, as a publish does", async () => {
      await shared("ordered");
      await resetTo(people.bob, "ordered", fresh);
      // On SQLite a writer has the whole database.
      const isPostgres = registry().kind === "postgres";
      let disabling: Promise<unknown> | undefined;
      const change = () => disableAccount(registry().deps, OPERATOR, people.bob.username, { retireKeys: false });
      await registry().deps.db.write(async (session) => {
        if (!isPostgres) return;
        await session.rows(sql`SELECT id FROM users WHERE username = ${people.bob.username} FOR NO KEY UPDATE`);
        disabling = change();
        await untilLockWaiters(registry(), 1);
        await session.rows(sql`SELECT id FROM log_state FOR NO KEY UPDATE NOWAIT`);
      });
      await (disabling ?? change());
      expect((await read("ordered")).reset).toBeNull();
      await enableAccount(registry().deps, OPERATOR, people.bob.username);
    });

    test("a key reset is not cancelled by a key that was removed before", async () => {
      await published("ended");
      await addKey(people.alice, "ended", fresh, { by: lost });
      await removeKey(people.alice, "ended", lost, { by: fresh });
      const next = makeKey();
      await resetTo(people.alice, "ended", next);
      expectProblem(await cancelByKey(guest(), "ended", next, { by: lost }), 400, "signature_invalid");
      expect((await cancelByKey(guest(), "ended", next, { by: fresh })).status).toBe(200);
    });

    test("a caller without an account whose key cannot cancel a key reset begins no transaction that writes", async () => {
      await published("unlocked");
      const previous = await previousOf(guest(), "unlocked");
      const [stranger, change] = [makeKey(), { by: makeKey(), previous }];
      writes.count = 0;
      expectProblem(await cancelByKey(guest(), "unlocked", fresh, change), 404, "reset_not_found");
      expectProblem(await cancelByKey(guest(), "not-there", fresh, change), 404, "package_not_found");
      expect(writes.count).toBe(0);
      await resetTo(people.alice, "unlocked", fresh);
      writes.count = 0;
      expectProblem(await cancelByKey(guest(), "unlocked", fresh, { by: stranger }), 400, "signature_invalid");
      expectProblem(await cancelByKey(guest(), "unlocked", fresh, change), 409, "key_change_outdated");
      expect(writes.count).toBe(0);
    });

    test("a key reset is not cancelled by a body that lacks the signature or what it signs", async () => {
      await published("half");
      await resetTo(people.alice, "half", fresh);
      const [previous, signature] = [await previousOf(guest(), "half"), "11".repeat(64)];
      for (const body of [{ previous }, { signature }, { at: SIGNED_AT }, { previous, signature }]) {
        for (const by of [guest(), people.alice])
          expectProblem(await cancel(by, "half", body), 422, "validation_failed");
      }
      expect((await read("half")).reset).not.toBeNull();
      expect((await cancel(people.alice, "half", {})).status).toBe(200);
    });
  },
  OPTIONS,
);
