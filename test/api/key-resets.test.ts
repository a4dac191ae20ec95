import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import {
  Client,
  expectProblem,
  type Json,
  makeKey,
  newAccount,
  PASSWORD,
  type SigningKey,
  signMessage,
} from "../support/client.ts";
import {
  addKey,
  cancelByKey,
  changeStatement,
  keyIdOf,
  newKey,
  previousOf,
  removeKey,
  resetTo,
} from "../support/key-statements.ts";
import { onBothDatabases } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";

const HOUR_MS = 60 * 60_000;
const DELAY_MS = 72 * HOUR_MS;

onBothDatabases(
  "a reset of the keys of a package",
  (registry) => {
    let [alice, bob, publisher]: Client[] = [];
    let [lost, fresh]: SigningKey[] = [];
    let start = 0;
    const as = (client: Client | undefined) => client as Client;
    const one = (key: SigningKey | undefined) => key as SigningKey;
    const guest = () => new Client(registry().url);
    const at = (ms: number) => {
      registry().now = new Date(start + ms);
    };
    const publish = (name: string, version: string, key: SigningKey | undefined) =>
      as(publisher).publish(name, version, makePackage({ name, version }), one(key));
    const published = async (name: string) => {
      expect((await publish(name, "1.0.0", lost)).status).toBe(201);
    };
    const read = async (name: string, by = guest()): Promise<Json> => (await by.get(`/api/packages/${name}/keys`)).body;
    const stateOf = async (name: string) =>
      (await read(name)).keys.map(({ publicKey, status }: Json) => [publicKey, status]);
    const cancel = (by: Client, name: string, body?: object) =>
      by.send("DELETE", `/api/packages/${name}/keys/reset`, body);
    const told = async (name: string, kind: string) =>
      (await eventsOf(registry(), `package_key.${kind}`, name)).map(({ by, details }) => [by, details]);

    /** An account with a session of now: none lives as long as a reset waits. */
    const again = async ({ username }: Client) => {
      const { body } = await guest().post("/api/auth/login", { username, password: PASSWORD });
      return new Client(registry().url, body.token, username);
    };

    beforeAll(async () => {
      [alice, bob] = [await newAccount(registry(), "alice"), await newAccount(registry(), "bob")];
      publisher = await withToken(as(alice), ["publish-new", "publish-update"]);
      [lost, fresh] = [await newKey(as(alice)), await newKey(as(alice))];
    });
    beforeEach(async () => {
      start = Date.now();
      at(0);
      [alice, bob] = [await again(as(alice)), await again(as(bob))];
    });
    afterEach(() => {
      registry().now = undefined;
    });

    test("takes effect after 72 hours: until then the old key signs, after it the new one alone", async () => {
      await published("waited");
      const asked = await resetTo(as(alice), "waited", one(fresh));
      const reset = {
        keyId: keyIdOf(one(fresh)),
        publicKey: one(fresh).publicHex,
        requestedBy: as(alice).username,
        requestedAt: new Date(start).toISOString(),
        effectiveAt: new Date(start + DELAY_MS).toISOString(),
      };
      expect([asked.status, asked.body.reset]).toEqual([200, reset]);
      expect(asked.body).toEqual(await read("waited"));
      const [{ action, leaf, leafSha256 }] = asked.body.changes;
      expect([action, leaf.split("\n")[0]]).toEqual(["reset", `cpm.key/v1 waited 1 reset ${one(fresh).publicHex}`]);
      at(DELAY_MS - 1);
      expect((await read("waited")).reset).toEqual(reset);
      expect(await stateOf("waited")).toEqual([[one(lost).publicHex, "active"]]);
      expectProblem(await publish("waited", "2.0.0", fresh), 403, "key_not_trusted");
      expect((await publish("waited", "2.0.0", lost)).status).toBe(201);
      expect(await told("waited", "reset_effective")).toEqual([]);

      at(DELAY_MS);
      const after = [
        [one(lost).publicHex, "superseded"],
        [one(fresh).publicHex, "active"],
      ];
      expect(await stateOf("waited")).toEqual(after);
      expect((await read("waited")).reset).toBeNull();
      expectProblem(await publish("waited", "3.0.0", lost), 403, "key_not_trusted");
      expect((await publish("waited", "3.0.0", fresh)).status).toBe(201);
      expect(await stateOf("waited")).toEqual(after);
      const settled = await read("waited");
      expect(settled.keys[0].endedAt).toBe(reset.effectiveAt);
      expect([settled.keys[1].addedAt, settled.previous]).toEqual([reset.effectiveAt, leafSha256]);
      expect(await told("waited", "reset_effective")).toEqual([
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

    test("that is due is in force for key changes too, whoever comes first, and once", async () => {
      await published("due");
      expect((await resetTo(as(alice), "due", one(fresh))).status).toBe(200);
      at(DELAY_MS + HOUR_MS);
      const added = makeKey();
      const later = await again(as(alice));
      expectProblem(await addKey(later, "due", added, { by: one(lost) }), 400, "signature_invalid");
      const racing = await Promise.all([
        addKey(later, "due", added, { by: one(fresh) }),
        publish("due", "2.0.0", fresh),
        publish("due", "3.0.0", lost),
        publish("due", "4.0.0", fresh),
      ]);
      expect(racing.map(({ status }) => status)).toEqual([200, 201, 403, 201]);
      expect(await told("due", "reset_effective")).toHaveLength(1);
      expect((await stateOf("due")).map(([, status]: Json) => status)).toEqual(["superseded", "active", "active"]);
      expectProblem(await cancel(later, "due"), 404, "reset_not_found");
    });

    test("is cancelled by an owner's session, and then never takes effect", async () => {
      await published("called-off");
      await resetTo(as(alice), "called-off", one(fresh));
      expectProblem(await cancel(as(bob), "called-off"), 403, "not_an_owner");
      expectProblem(await cancel(guest(), "called-off"), 401, "unauthenticated");
      expectProblem(await cancel(await withToken(as(alice), ["owners"]), "called-off"), 403, "session_required");
      const cancelled = await cancel(as(alice), "called-off");
      expect([cancelled.status, cancelled.body.reset]).toEqual([200, null]);
      const { action, statement, by, leaf } = cancelled.body.changes[1];
      expect([action, statement, by]).toEqual(["cancel", null, as(alice).username]);
      expect(leaf).toBe(`cpm.key/v1 called-off 2 cancel ${one(fresh).publicHex}\nby ${as(alice).username}\nproof -\n`);
      at(DELAY_MS);
      expect(await stateOf("called-off")).toEqual([[one(lost).publicHex, "active"]]);
      expectProblem(await publish("called-off", "2.0.0", fresh), 403, "key_not_trusted");
      expect((await publish("called-off", "2.0.0", lost)).status).toBe(201);
      expectProblem(await cancel(await again(as(alice)), "called-off"), 404, "reset_not_found");
      const key = { keyId: keyIdOf(one(fresh)), publicKey: one(fresh).publicHex };
      const effectiveAt = new Date(start + DELAY_MS).toISOString();
      expect(await told("called-off", "reset")).toEqual([
        [as(alice).username, { ...key, effectiveAt }],
        [as(alice).username, key],
      ]);
    });

    test("is cancelled by an old key without an account, by no other key and not twice with one signature", async () => {
      await published("kept");
      await resetTo(as(alice), "kept", one(fresh));
      expectProblem(await cancelByKey(guest(), "kept", one(fresh), { by: makeKey() }), 400, "signature_invalid");
      expectProblem(await cancelByKey(guest(), "kept", one(fresh), { by: one(fresh) }), 400, "signature_invalid");
      const previous = await previousOf(guest(), "kept");
      for (const statement of [
        changeStatement("kept", "reset", one(fresh), previous),
        changeStatement("kept", "cancel", one(lost), previous),
        changeStatement("other", "cancel", one(fresh), previous),
      ]) {
        const signature = signMessage(one(lost), statement);
        expectProblem(await cancel(guest(), "kept", { previous, signature }), 400, "signature_invalid");
      }
      const cancelled = await cancelByKey(guest(), "kept", one(fresh), { by: one(lost) });
      expect([cancelled.status, cancelled.body.reset]).toEqual([200, null]);
      const { by, statement, leaf } = cancelled.body.changes[1];
      expect([by, statement]).toEqual([null, changeStatement("kept", "cancel", one(fresh), previous)]);
      expect(leaf.split("\n")[1]).toBe("by -");
      const proof = Buffer.from(leaf.split("\n")[2].slice("proof ".length), "base64");
      expect([proof.length, proof.subarray(0, 32).toString("hex")]).toEqual([96, one(lost).publicHex]);
      expect((await told("kept", "reset_cancelled")).map(([who, details]: Json) => [who, details.signedBy])).toEqual([
        [null, keyIdOf(one(lost))],
      ]);
      expect((await resetTo(as(alice), "kept", one(fresh))).status).toBe(200);
      const replayed = await cancelByKey(guest(), "kept", one(fresh), { by: one(lost), previous });
      expectProblem(replayed, 409, "key_change_outdated");
      expect((await read("kept")).reset).not.toBeNull();
      at(DELAY_MS);
      expectProblem(await cancelByKey(guest(), "kept", one(fresh), { by: one(lost) }), 404, "reset_not_found");
      expect((await publish("kept", "2.0.0", fresh)).status).toBe(201);
    });

    test("is not cancelled by a key that was taken away before", async () => {
      await published("ended");
      await addKey(as(alice), "ended", one(fresh), { by: one(lost) });
      await removeKey(as(alice), "ended", one(lost), { by: one(fresh) });
      const next = makeKey();
      await resetTo(as(alice), "ended", next);
      expectProblem(await cancelByKey(guest(), "ended", next, { by: one(lost) }), 400, "signature_invalid");
      expect((await cancelByKey(guest(), "ended", next, { by: one(fresh) })).status).toBe(200);
    });

    test("is one at a time, asked for by owners with a session and signed by its new key", async () => {
      await published("asked");
      const previous = await previousOf(guest(), "asked");
      const token = await withToken(as(alice), ["publish-update", "owners"]);
      expectProblem(await resetTo(as(bob), "asked", one(fresh)), 403, "not_an_owner");
      expectProblem(await resetTo(token, "asked", one(fresh)), 403, "session_required");
      expectProblem(await resetTo(guest(), "asked", one(fresh)), 401, "unauthenticated");
      expectProblem(await resetTo(as(alice), "asked", one(fresh), "1".repeat(64)), 409, "key_change_outdated");
      expectProblem(await resetTo(as(alice), "asked", one(lost)), 409, "key_exists");
      expectProblem(await resetTo(as(alice), "not-there", one(fresh), previous), 404, "package_not_found");
      for (const newKeySignature of [
        signMessage(one(lost), changeStatement("asked", "reset", one(fresh), previous)),
        signMessage(one(fresh), changeStatement("asked", "add", one(fresh), previous)),
        signMessage(one(fresh), changeStatement("other", "reset", one(fresh), previous)),
      ]) {
        const body = { publicKey: one(fresh).publicHex, previous, newKeySignature };
        expectProblem(await as(alice).post("/api/packages/asked/keys/reset", body), 400, "signature_invalid");
      }
      expect((await read("asked")).changes).toEqual([]);
      const both = await Promise.all([one(fresh), makeKey()].map((key) => resetTo(as(alice), "asked", key, previous)));
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      const second = await resetTo(as(alice), "asked", makeKey());
      expectProblem(second, 409, "reset_pending");
      expect(second.body.detail).toContain(new Date(start + DELAY_MS).toISOString());
      expect((await read("asked")).changes).toHaveLength(1);
    });

    test("goes on while keys are added and takes their place too", async () => {
      await published("overtaken");
      await resetTo(as(alice), "overtaken", one(fresh));
      const added = await newKey(as(alice));
      expect((await addKey(as(alice), "overtaken", added, { by: one(lost) })).status).toBe(200);
      expect((await publish("overtaken", "2.0.0", added)).status).toBe(201);
      at(DELAY_MS);
      expectProblem(await publish("overtaken", "3.0.0", added), 403, "key_not_trusted");
      expect((await publish("overtaken", "3.0.0", fresh)).status).toBe(201);
    });

    test("can bring back a key that was superseded, which then signs again", async () => {
      await published("found");
      await addKey(as(alice), "found", one(fresh), { by: one(lost) });
      await removeKey(as(alice), "found", one(lost), { by: one(fresh) });
      expect((await resetTo(as(alice), "found", one(lost))).status).toBe(200);
      at(DELAY_MS);
      expect((await publish("found", "2.0.0", lost)).status).toBe(201);
      expect(Object.fromEntries(await stateOf("found"))).toEqual({
        [one(lost).publicHex]: "active",
        [one(fresh).publicHex]: "superseded",
      });
    });

    test("is not cancelled by half a signed body", async () => {
      await published("half");
      await resetTo(as(alice), "half", one(fresh));
      const [previous, signature] = [await previousOf(guest(), "half"), "11".repeat(64)];
      for (const body of [{ previous }, { signature }]) {
        for (const by of [guest(), as(alice)]) expectProblem(await cancel(by, "half", body), 422, "validation_failed");
      }
      expect((await read("half")).reset).not.toBeNull();
      expect((await cancel(as(alice), "half", {})).status).toBe(200);
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
