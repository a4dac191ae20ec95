import { afterEach, beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import {
  Client,
  expectProblem,
  type Json,
  makeKey,
  newAccount,
  type SigningKey,
  signMessage,
} from "../support/client.ts";
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
import { eventsOf } from "../support/roles.ts";

/* Keys that may no longer sign a package, and the versions that they signed. */

onBothDatabases(
  "removing package keys",
  (registry) => {
    let alice: Client;
    let [first, second]: SigningKey[] = [];
    const one = (key: SigningKey | undefined) => key as SigningKey;
    const guest = () => new Client(registry().url);
    const publish = (name: string, version: string, key: SigningKey | undefined) =>
      alice.publish(name, version, makePackage({ name, version }), one(key));
    const stateOf = async (name: string) =>
      (await guest().get(`/api/packages/${name}/keys`)).body.keys.map(
        ({ publicKey, status, compromisedSince }: Json) => [publicKey, status, compromisedSince],
      );
    const version = async (name: string, asked: string): Promise<Json> =>
      (await guest().get(`/api/packages/${name}/${asked}`)).body;
    /** A package with two keys: the first signed 1.0.0 and 3.0.0, the second 2.0.0. */
    const published = async (name: string) => {
      expect((await publish(name, "1.0.0", first)).status).toBe(201);
      expect((await addKey(alice, name, one(second), { by: one(first) })).status).toBe(200);
      expect((await publish(name, "2.0.0", second)).status).toBe(201);
      expect((await publish(name, "3.0.0", first)).status).toBe(201);
    };

    beforeAll(async () => {
      alice = await newAccount(registry(), "alice");
      [first, second] = [await newKey(alice), await newKey(alice)];
    });
    afterEach(() => {
      registry().now = undefined;
    });

    test("a key removed as superseded signs nothing new, and what it signed stays as it is", async () => {
      await published("superseded");
      const removed = await removeKey(alice, "superseded", one(first), { by: one(second) });
      expect(removed.status).toBe(200);
      expect(await stateOf("superseded")).toEqual([
        [one(first).publicHex, "superseded", null],
        [one(second).publicHex, "active", null],
      ]);
      const refused = await publish("superseded", "4.0.0", first);
      expectProblem(refused, 403, "key_not_trusted");
      expect(refused.body.detail).toContain("superseded");
      const { yanked, signature } = await version("superseded", "3.0.0");
      expect([yanked, signature.compromised]).toEqual([false, false]);
      expect((await version("superseded", "latest")).version).toBe("3.0.0");
      expect((await publish("superseded", "3.0.0", first)).status).toBe(200);
      expectProblem(await addKey(alice, "superseded", makeKey(), { by: one(first) }), 400, "signature_invalid");
      const third = makeKey();
      expect((await addKey(alice, "superseded", third, { by: one(second) })).status).toBe(200);
      expectProblem(await removeKey(alice, "superseded", third, { by: one(first) }), 400, "signature_invalid");
      expect((await publish("superseded", "4.0.0", second)).status).toBe(201);
      const event = (await eventsOf(registry(), "package_key.removed", "superseded"))[0];
      expect([event?.by, event?.details]).toEqual([
        alice.username,
        {
          keyId: keyIdOf(one(first)),
          publicKey: one(first).publicHex,
          reason: "superseded",
          signedBy: keyIdOf(one(second)),
        },
      ]);
      expect((await addKey(alice, "superseded", one(first), { by: one(second) })).status).toBe(200);
      expect((await publish("superseded", "5.0.0", first)).status).toBe(201);
    });

    test("removing a key with a misspelled field is refused, because without the field it would yank all that the key signed", async () => {
      await published("misspelled");
      const previous = await previousOf(alice, "misspelled");
      const signature = signMessage(one(second), changeStatement("misspelled", "remove", one(first), previous));
      const body = { previous, at: SIGNED_AT, signature, reason: "compromised", compromisedSince: "3.0.0" };
      const refused = await alice.send("DELETE", `/api/packages/misspelled/keys/${keyIdOf(one(first))}`, body);
      expectProblem(refused, 422, "validation_failed");
      expect(refused.body.errors.map(({ path }: Json) => path)).toEqual(["/compromisedSince"]);
      expect((await version("misspelled", "1.0.0")).yanked).toBe(false);
    });

    test("removing a key as compromised since a version flags what it signed from then on, and yanks it for good", async () => {
      await published("leaked");
      expect((await publish("leaked", "3.5.0", second)).status).toBe(201);
      expect((await publish("leaked", "4.0.0", first)).status).toBe(201);
      expect((await publish("leaked-elsewhere", "4.0.0", first)).status).toBe(201);
      await alice.send("DELETE", "/api/packages/leaked/4.0.0", { reason: "broken" });
      const removal = { by: one(second), reason: "compromised", since: "3.0.0" };
      expect((await removeKey(alice, "leaked", one(first), removal)).status).toBe(200);
      expect((await stateOf("leaked"))[0]).toEqual([one(first).publicHex, "compromised", "3.0.0"]);
      const shown = [];
      for (const asked of ["1.0.0", "2.0.0", "3.0.0", "3.5.0", "4.0.0"]) {
        const { yanked, yankReason, signature } = await version("leaked", asked);
        shown.push([asked, yanked, yankReason, signature.compromised]);
        expect((await guest().get(`/api/packages/leaked/${asked}/download`)).status).toBe(200);
      }
      expect(shown).toEqual([
        ["1.0.0", false, null, false],
        ["2.0.0", false, null, false],
        ["3.0.0", true, "security", true],
        ["3.5.0", false, null, false],
        ["4.0.0", true, "broken", true],
      ]);
      expect((await version("leaked-elsewhere", "4.0.0")).signature.compromised).toBe(false);
      expect((await guest().get("/api/packages/leaked")).body.latest).toBe("3.5.0");
      for (const asked of ["3.0.0", "4.0.0"]) {
        expectProblem(await alice.post(`/api/packages/leaked/${asked}`), 409, "version_compromised");
        const yanked = await version("leaked", asked);
        const yank = { reason: "renamed", message: "All is well.", replacement: "leaked-elsewhere" };
        for (const body of [yank, {}]) {
          const refused = await alice.send("DELETE", `/api/packages/leaked/${asked}`, body);
          expectProblem(refused, 409, "version_compromised");
        }
        expect(await version("leaked", asked)).toEqual(yanked);
      }
      const yanks = await eventsOf(registry(), "version.yanked", "leaked");
      expect(yanks.slice(1).map(({ version, details }) => [version, details])).toEqual([
        ["3.0.0", { reason: "security", compromisedKey: keyIdOf(one(first)) }],
      ]);
      expectProblem(await publish("leaked", "5.0.0", first), 403, "key_not_trusted");
    });

    test("removing a key as compromised without a version flags and yanks all that it signed, even every version", async () => {
      expect((await publish("leaked-all", "1.0.0", first)).status).toBe(201);
      expect((await publish("leaked-all", "2.0.0", first)).status).toBe(201);
      await addKey(alice, "leaked-all", one(second), { by: one(first) });
      const removal = { by: one(second), reason: "compromised" };
      expect((await removeKey(alice, "leaked-all", one(first), removal)).status).toBe(200);
      expect((await stateOf("leaked-all"))[0]).toEqual([one(first).publicHex, "compromised", null]);
      for (const asked of ["1.0.0", "2.0.0"]) {
        expect((await version("leaked-all", asked)).signature.compromised).toBe(true);
      }
      expectProblem(await guest().get("/api/packages/leaked-all/latest"), 404, "version_not_found");
      const found = (await guest().get("/api/packages?q=leaked-all")).body.items;
      expect(found.map(({ name }: Json) => name)).not.toContain("leaked-all");
    });

    test("a key removed as compromised comes back neither by adding it, nor by a reset, nor by removing it again", async () => {
      await published("gone");
      const removal = { by: one(second), reason: "compromised" };
      expect((await removeKey(alice, "gone", one(first), removal)).status).toBe(200);
      for (const reason of ["compromised", "superseded"]) {
        expectProblem(await removeKey(alice, "gone", one(first), { ...removal, reason }), 409, "key_exists");
      }
      expectProblem(await addKey(alice, "gone", one(first), { by: one(second) }), 409, "key_exists");
      expectProblem(await resetTo(alice, "gone", one(first)), 409, "key_exists");
    });

    test("a key removed as superseded can be reported as compromised later", async () => {
      await published("late");
      const endedAt = new Date();
      registry().now = endedAt;
      await removeKey(alice, "late", one(first), { by: one(second) });
      registry().now = new Date(endedAt.getTime() + 60_000);
      expectProblem(await removeKey(alice, "late", one(first), { by: one(second) }), 409, "key_exists");
      const removal = { by: one(second), reason: "compromised", since: "3.0.0" };
      expect((await removeKey(alice, "late", one(first), removal)).status).toBe(200);
      expect((await version("late", "3.0.0")).signature.compromised).toBe(true);
      expect((await version("late", "1.0.0")).signature.compromised).toBe(false);
      const [key] = (await guest().get("/api/packages/late/keys")).body.keys;
      expect([key.status, key.endedAt]).toEqual(["compromised", endedAt.toISOString()]);
    });

    test("a compromised key can be reported as compromised since an earlier version, not since a later one", async () => {
      await published("longer");
      expect((await publish("longer", "4.0.0", first)).status).toBe(201);
      const compromised = (since?: string) =>
        removeKey(alice, "longer", one(first), {
          by: one(second),
          reason: "compromised",
          ...(since === undefined ? {} : { since }),
        });
      const distrusted = async () => {
        const answers = await Promise.all(["1.0.0", "3.0.0", "4.0.0"].map((asked) => version("longer", asked)));
        return answers.map(({ yanked, signature }) => [yanked, signature.compromised]);
      };
      const [good, bad] = [
        [false, false],
        [true, true],
      ];
      expect((await compromised("4.0.0")).status).toBe(200);
      expect(await distrusted()).toEqual([good, good, bad]);
      expect((await compromised("3.0.0")).status).toBe(200);
      expect(await distrusted()).toEqual([good, bad, bad]);
      for (const since of ["3.0.0", "4.0.0"]) expectProblem(await compromised(since), 409, "key_exists");
      expect((await stateOf("longer"))[0]).toEqual([one(first).publicHex, "compromised", "3.0.0"]);
      expect((await compromised()).status).toBe(200);
      expect(await distrusted()).toEqual([bad, bad, bad]);
      expectProblem(await compromised("1.0.0"), 409, "key_exists");
      expect((await eventsOf(registry(), "version.yanked", "longer")).map((event) => event.version)).toEqual([
        "4.0.0",
        "3.0.0",
        "1.0.0",
      ]);
    });

    test("a key that a pending reset will install is not removed as compromised, and then trusted again", async () => {
      await published("revived");
      await removeKey(alice, "revived", one(first), { by: one(second) });
      expect((await resetTo(alice, "revived", one(first))).status).toBe(200);
      const removal = { by: one(second), reason: "compromised" };
      expectProblem(await removeKey(alice, "revived", one(first), removal), 409, "reset_pending");
      expect((await alice.send("DELETE", "/api/packages/revived/keys/reset")).status).toBe(200);
      expect((await removeKey(alice, "revived", one(first), removal)).status).toBe(200);
    });

    test("the last active key of a package is not removed, also if two removals are concurrent", async () => {
      expect((await publish("last", "1.0.0", first)).status).toBe(201);
      for (const reason of ["superseded", "compromised"]) {
        expectProblem(await removeKey(alice, "last", one(first), { by: one(first), reason }), 409, "last_key");
      }
      await addKey(alice, "last", one(second), { by: one(first) });
      const previous = await previousOf(guest(), "last");
      const answers = await Promise.all([
        removeKey(alice, "last", one(first), { by: one(second), previous }),
        removeKey(alice, "last", one(second), { by: one(first), previous }),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect((await stateOf("last")).filter(([, status]: Json) => status === "active")).toHaveLength(1);
    });

    test("removing a key needs a valid statement, a known key and an existing version", async () => {
      await published("asked");
      const previous = await previousOf(guest(), "asked");
      const send = (keyId: string, fields: object) =>
        alice.send("DELETE", `/api/packages/asked/keys/${keyId}`, {
          previous,
          at: SIGNED_AT,
          reason: "superseded",
          ...fields,
        });
      const signed = (statement: string, by = one(second)) => ({ signature: signMessage(by, statement) });
      const right = changeStatement("asked", "remove", one(first), previous);
      const wrong = [
        signed(changeStatement("asked", "add", one(first), previous)),
        signed(changeStatement("asked", "remove", one(second), previous)),
        signed(changeStatement("other", "remove", one(first), previous)),
        signed(right, await newKey(alice)),
      ];
      for (const fields of wrong) expectProblem(await send(keyIdOf(one(first)), fields), 400, "signature_invalid");
      for (const keyId of [keyIdOf(makeKey()), "x", "%00", "a".repeat(2_000)]) {
        expectProblem(await send(keyId, signed(right)), 404, "key_not_found");
      }
      for (const since of ["9.9.9", "latest", "x", "%"]) {
        const answer = await send(keyIdOf(one(first)), { ...signed(right), reason: "compromised", since });
        expectProblem(answer, 404, "version_not_found");
      }
      const outdated = { ...signed(changeStatement("asked", "remove", one(first), "0".repeat(64))) };
      expectProblem(
        await send(keyIdOf(one(first)), { ...outdated, previous: "0".repeat(64) }),
        409,
        "key_change_outdated",
      );
      expect((await stateOf("asked")).map(([, status]: Json) => status)).toEqual(["active", "active"]);
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
