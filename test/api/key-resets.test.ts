import { expect, test } from "bun:test";
import { expectProblem, type Json, makeKey, signMessage } from "../support/client.ts";
import {
  addKey,
  changeStatement,
  keyIdOf,
  newKey,
  previousOf,
  removeKey,
  resetTo,
  SIGNED_AT,
} from "../support/key-statements.ts";
import { onBothDatabases } from "../support/registry.ts";
import { HOUR_MS, RESET_DELAY_MS, resetScene } from "../support/reset-scene.ts";
import { withToken } from "../support/roles.ts";

const MINUTE_MS = 60_000;

onBothDatabases(
  "key resets",
  (registry) => {
    const { people, lost, fresh, guest, timeAt, at, publish, published, read, stateOf, cancel, eventsAbout, again } =
      resetScene(registry);

    test("a key reset takes effect after 72 hours: until then the old key signs, afterwards only the new one", async () => {
      await published("waited");
      const asked = await resetTo(people.alice, "waited", fresh);
      const reset = {
        keyId: keyIdOf(fresh),
        publicKey: fresh.publicHex,
        requestedBy: people.alice.username,
        requestedAt: timeAt(0).toISOString(),
        effectiveAt: timeAt(RESET_DELAY_MS).toISOString(),
        upheld: false,
      };
      expect([asked.status, asked.body.reset]).toEqual([200, reset]);
      expect(asked.body).toEqual(await read("waited"));
      const [{ action, leaf, leafSha256 }] = asked.body.changes;
      expect([action, leaf.split("\n")[0]]).toEqual(["reset", `cpm.key/v2 waited 1 reset ${fresh.publicHex}`]);
      at(RESET_DELAY_MS - 1);
      expect((await read("waited")).reset).toEqual(reset);
      expect(await stateOf("waited")).toEqual([[lost.publicHex, "active"]]);
      expectProblem(await publish("waited", "2.0.0", fresh), 403, "key_not_trusted");
      expect((await publish("waited", "2.0.0", lost)).status).toBe(201);
      expect(await eventsAbout("waited", "reset_effective")).toEqual([]);

      at(RESET_DELAY_MS);
      const after = [
        [lost.publicHex, "superseded"],
        [fresh.publicHex, "active"],
      ];
      expect(await stateOf("waited")).toEqual(after);
      expect((await read("waited")).reset).toBeNull();
      expectProblem(await publish("waited", "3.0.0", lost), 403, "key_not_trusted");
      expect((await publish("waited", "3.0.0", fresh)).status).toBe(201);
      expect(await stateOf("waited")).toEqual(after);
      const settled = await read("waited");
      expect(settled.keys[0].endedAt).toBe(reset.effectiveAt);
      expect([settled.keys[1].addedAt, settled.previous]).toEqual([reset.effectiveAt, leafSha256]);
      expect(await eventsAbout("waited", "reset_effective")).toEqual([
        [
          null,
          {
            keyId: reset.keyId,
            publicKey: reset.publicKey,
            requestedBy: reset.requestedBy,
            effectiveAt: reset.effectiveAt,
          },
        ],
      ]);
      expect((await guest().get("/api/packages/waited/1.0.0")).body.yanked).toBe(false);
    });

    test("a due key reset applies to key changes too, whoever comes first, and is recorded once", async () => {
      await published("due");
      expect((await resetTo(people.alice, "due", fresh)).status).toBe(200);
      at(RESET_DELAY_MS + HOUR_MS);
      const added = makeKey();
      const later = await again(people.alice);
      expectProblem(await addKey(later, "due", added, { by: lost }), 400, "signature_invalid");
      const racing = await Promise.all([
        addKey(later, "due", added, { by: fresh }),
        publish("due", "2.0.0", fresh),
        publish("due", "3.0.0", lost),
        publish("due", "4.0.0", fresh),
      ]);
      expect(racing.map(({ status }) => status)).toEqual([200, 201, 403, 201]);
      expect(await eventsAbout("due", "reset_effective")).toHaveLength(1);
      expect((await stateOf("due")).map(([, status]: Json) => status)).toEqual(["superseded", "active", "active"]);
      expectProblem(await cancel(later, "due"), 404, "reset_not_found");
    });

    test("a due key reset looks the same to everybody while it is recorded", async () => {
      for (let round = 0; round < 8; round += 1) {
        const name = `written-${round}`;
        at(0);
        people.alice = await again(people.alice);
        await published(name);
        await resetTo(people.alice, name, fresh);
        at(RESET_DELAY_MS);
        const writing = publish(name, "2.0.0", fresh);
        const seen = new Set<string>();
        const reading = Array.from({ length: 4 }, async () => {
          for (let turn = 0; turn < 10; turn += 1) seen.add(JSON.stringify(Object.fromEntries(await stateOf(name))));
        });
        await Promise.all(reading);
        expect((await writing).status).toBe(201);
        expect([...seen]).toEqual([JSON.stringify({ [lost.publicHex]: "superseded", [fresh.publicHex]: "active" })]);
      }
    });

    test("a package has one pending key reset, requested by an owner with a session and signed by the new key", async () => {
      await published("asked");
      const previous = await previousOf(guest(), "asked");
      const token = await withToken(people.alice, ["publish-update", "owners"]);
      expectProblem(await resetTo(people.bob, "asked", fresh), 403, "not_an_owner");
      expectProblem(await resetTo(token, "asked", fresh), 403, "session_required");
      expectProblem(await resetTo(guest(), "asked", fresh), 401, "unauthenticated");
      expectProblem(await resetTo(people.alice, "asked", fresh, "1".repeat(64)), 409, "key_change_outdated");
      expectProblem(await resetTo(people.alice, "asked", lost), 409, "key_exists");
      expectProblem(await resetTo(people.alice, "not-there", fresh, previous), 404, "package_not_found");
      for (const newKeySignature of [
        signMessage(lost, changeStatement("asked", "reset", fresh, previous)),
        signMessage(fresh, changeStatement("asked", "add", fresh, previous)),
        signMessage(fresh, changeStatement("other", "reset", fresh, previous)),
      ]) {
        const body = { publicKey: fresh.publicHex, previous, at: SIGNED_AT, newKeySignature };
        expectProblem(await people.alice.post("/api/packages/asked/keys/reset", body), 400, "signature_invalid");
      }
      expect((await read("asked")).changes).toEqual([]);
      const both = await Promise.all([fresh, makeKey()].map((key) => resetTo(people.alice, "asked", key, previous)));
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      const second = await resetTo(people.alice, "asked", makeKey());
      expectProblem(second, 409, "reset_pending");
      expect(second.body.detail).toContain(timeAt(RESET_DELAY_MS).toISOString());
      expect((await read("asked")).changes).toHaveLength(1);
    });

    test("a key reset stays pending while keys are added, and replaces these too", async () => {
      await published("overtaken");
      await resetTo(people.alice, "overtaken", fresh);
      const added = await newKey(people.alice);
      expect((await addKey(people.alice, "overtaken", added, { by: lost })).status).toBe(200);
      expect((await publish("overtaken", "2.0.0", added)).status).toBe(201);
      at(RESET_DELAY_MS);
      expectProblem(await publish("overtaken", "3.0.0", added), 403, "key_not_trusted");
      expect((await publish("overtaken", "3.0.0", fresh)).status).toBe(201);
    });

    test("a key reset of a package is requested at most 10 times in 24 hours by all of its owners together", async () => {
      await published("hurried");
      await published("hurried-not");
      for (let minute = 0; minute < 10; minute += 1) {
        at(minute * MINUTE_MS);
        expect((await resetTo(people.alice, "hurried", fresh)).status).toBe(200);
        expect((await cancel(people.alice, "hurried")).status).toBe(200);
      }
      const refused = await resetTo(people.alice, "hurried", fresh);
      expectProblem(refused, 409, "limit_reached");
      expect((await resetTo(people.alice, "hurried-not", fresh)).status).toBe(200);
      at(24 * HOUR_MS - 1);
      expectProblem(await resetTo(await again(people.alice), "hurried", fresh), 409, "limit_reached");
      at(24 * HOUR_MS);
      const later = await again(people.alice);
      expect((await resetTo(later, "hurried", fresh)).status).toBe(200);
      expect((await cancel(later, "hurried")).status).toBe(200);
      expectProblem(await resetTo(later, "hurried", fresh), 409, "limit_reached");
    });

    test("a key reset can bring back a superseded key, which then signs again", async () => {
      await published("found");
      await addKey(people.alice, "found", fresh, { by: lost });
      await removeKey(people.alice, "found", lost, { by: fresh });
      expect((await resetTo(people.alice, "found", lost)).status).toBe(200);
      at(RESET_DELAY_MS);
      expect((await publish("found", "2.0.0", lost)).status).toBe(201);
      expect(Object.fromEntries(await stateOf("found"))).toEqual({
        [lost.publicHex]: "active",
        [fresh.publicHex]: "superseded",
      });
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
