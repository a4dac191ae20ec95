import { afterAll, expect, test } from "bun:test";
import { runOffline } from "../maintenance/scene.ts";
import {
  type Client,
  expectProblem,
  type Json,
  makeKey,
  type SigningKey,
  sha256,
  signMessage,
} from "../support/client.ts";
import {
  addKey,
  cancelByKey,
  changeStatement,
  keyIdOf,
  newKey,
  previousOf,
  resetTo,
  secondsOf,
} from "../support/key-statements.ts";
import { clockAt, onBothDatabases } from "../support/registry.ts";
import { HOUR_MS, RESET_DELAY_MS, resetScene } from "../support/reset-scene.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";
import { Verifier } from "../verify/scene.ts";

/* A removed owner's key cannot publish, but it can cancel every reset, without an account. */

const DAY_MS = 24 * HOUR_MS;
/** Commands are processes of their own, which start slowly on a busy machine. */
const LIMIT_MS = 60_000;

onBothDatabases(
  "keys of former owners",
  (registry) => {
    const { people, lost, fresh, guest, at, publish, published, read, cancel, again } = resetScene(registry);
    const verifiers: Verifier[] = [];
    const bobs = makeKey();
    const keysOf = ({ body }: { body: Json }) => body.keys.map(({ publicKey }: Json) => publicKey);
    const idAndKey = (key: SigningKey) => ({ keyId: keyIdOf(key), publicKey: key.publicHex });
    const ownerPath = (name: string, { username }: Client) => `/api/packages/${name}/owners/${username}`;
    const remove = (by: Client, name: string, who: Client, keys?: readonly object[]) =>
      by.send("DELETE", ownerPath(name, who), keys && { keys });
    /** A package of Alice and Bob, which one key of each and more keys of Bob may sign. */
    const shared = async (name: string, ...more: SigningKey[]) => {
      await published(name);
      for (const by of [people.alice, people.bob]) await by.send("PUT", ownerPath(name, people.bob));
      for (const key of [bobs, ...more]) {
        expect((await addKey(people.bob, name, key, { by: lost })).status).toBe(200);
      }
    };
    /** Signs the removals of keys one after the other, as a client computes their leaves. */
    const signed = async (by: Client, name: string, signer: SigningKey, keys: readonly SigningKey[]) => {
      const { changes } = (await guest().get(`/api/packages/${name}/keys`)).body;
      let previous = await previousOf(guest(), name);
      return keys.map((key, index) => {
        const time = secondsOf(clockAt(registry().url));
        const signature = signMessage(signer, changeStatement(name, "remove", key, previous, { at: time }));
        const entry = { keyId: keyIdOf(key), previous, at: time, signature };
        const head = `cpm.key/v2 ${name} ${changes.length + 1 + index} remove ${key.publicHex}\nby ${by.username}\n`;
        const rest = `previous ${previous}\nat ${time}\nreason superseded\nsince -\nsignatures ${signature}\n`;
        previous = sha256(Buffer.from(head + rest));
        return entry;
      });
    };
    const expectCleanAudit = async () => {
      const person = await Verifier.make();
      verifiers.push(person);
      const { exitCode, codes } = await person.ask("log", "audit", "--registry", registry().url);
      expect([exitCode, codes]).toEqual([0, []]);
    };
    afterAll(async () => {
      for (const person of verifiers) await person.remove();
    });

    test(
      "a former owner's key cancels every reset until an administrator upholds one",
      async () => {
        // This test is the first and ends at the present time, because an audit accepts no time in
        // the future and none before that of an earlier leaf.
        at(-RESET_DELAY_MS);
        [people.alice, people.bob] = [await again(people.alice), await again(people.bob)];
        await shared("stuck");
        // Alice has lost her key, so nobody can sign that Bob's key goes.
        expect((await remove(people.alice, "stuck", people.bob)).body.keys).toEqual([idAndKey(bobs)]);
        for (const _ of ["once", "twice"]) {
          expect((await resetTo(people.alice, "stuck", fresh)).status).toBe(200);
          expect((await cancelByKey(guest(), "stuck", fresh, { by: bobs })).status).toBe(200);
        }
        await resetTo(people.alice, "stuck", fresh);
        const admin = await newAdmin(registry());
        const path = "/api/packages/stuck/keys/reset/uphold";
        expectProblem(await people.alice.send("PUT", path), 403, "admin_only");
        expectProblem(await admin.send("PUT", path.replace("stuck", "unheard-of")), 404, "package_not_found");
        for (const _ of ["once", "twice"]) {
          const upheld = await admin.send("PUT", path);
          expect([upheld.status, upheld.body]).toEqual([
            200,
            {
              name: "stuck",
              reset: { publicKey: fresh.publicHex, effectiveAt: (await read("stuck")).reset.effectiveAt },
              waitsUntil: null,
            },
          ]);
        }
        expectProblem(await cancelByKey(guest(), "stuck", fresh, { by: bobs }), 409, "reset_upheld");
        expectProblem(await cancelByKey(guest(), "stuck", fresh, { by: makeKey() }), 400, "signature_invalid");
        const { reset, changes } = await read("stuck");
        expect([reset.upheld, changes.length]).toEqual([true, 7]);
        const leaf = `cpm.key/v2 stuck 7 uphold ${fresh.publicHex}\nby ${admin.username}\nprevious ${changes[5].leafSha256}\nat `;
        expect(changes[6].leaf).toStartWith(leaf);
        expect(changes[6].leaf).toEndWith("Z\nsignatures -\n");
        const events = await eventsOf(registry(), "package_key.reset_upheld", "stuck");
        expect(events.map(({ by, details }) => [by, details])).toEqual([[admin.username, idAndKey(fresh)]]);
        at(0);
        expect((await publish("stuck", "2.0.0", fresh)).status).toBe(201);
        await expectCleanAudit();
      },
      LIMIT_MS,
    );

    test("removing an owner shows the keys that the account left behind, also when it is repeated", async () => {
      const unregistered = makeKey();
      await newKey(people.bob);
      const late = await newKey(people.bob);
      await shared("left-behind", late, unregistered);
      const removed = await remove(people.alice, "left-behind", people.bob);
      expect(removed.status).toBe(200);
      const left = [bobs, late, unregistered].map(idAndKey);
      expect(removed.body.keys.toSorted(byKey)).toEqual(left.toSorted(byKey));
      expect(removed.body.items.map(({ username }: Json) => username)).toEqual([people.alice.username]);
      expect(keysOf(await remove(people.alice, "left-behind", people.bob)).length).toBe(3);
      expectProblem(await remove(people.bob, "left-behind", people.bob), 403, "not_an_owner");
      // A key that Alice has too is not Bob's alone. A key of Bob that she added to the package is
      // still his.
      await shared("left-none");
      expect(keysOf(await remove(people.alice, "left-none", people.alice))).toEqual([lost.publicHex]);
    });

    test(
      "keys go with their owner, each signed over the leaf of the one before",
      async () => {
        const [second, third] = [makeKey(), makeKey()];
        await shared("gone-whole", second, third);
        await resetTo(people.bob, "gone-whole", makeKey());
        const entries = await signed(people.alice, "gone-whole", lost, [bobs, second, third]);
        const removed = await remove(people.alice, "gone-whole", people.bob, entries);
        expect([removed.status, removed.body.keys]).toEqual([200, []]);
        const { keys, reset, changes } = await read("gone-whole");
        expect(keys.filter(({ status }: Json) => status === "active").map(({ publicKey }: Json) => publicKey)).toEqual([
          lost.publicHex,
        ]);
        expect([reset, changes.map(({ action }: Json) => action)]).toEqual([
          null,
          ["add", "add", "add", "reset", "remove", "remove", "remove", "cancel"],
        ]);
        const events = await eventsOf(registry(), "package_key.removed", "gone-whole");
        expect(events.map(({ by, details }) => [by, (details as Json).formerOwner])).toEqual(
          Array(3).fill([people.alice.username, people.bob.username]),
        );
        await expectCleanAudit();
      },
      LIMIT_MS,
    );

    test("a removal whose signatures do not fit changes neither owners nor keys", async () => {
      const second = makeKey();
      await shared("half-signed", second);
      const entries = await signed(people.alice, "half-signed", lost, [bobs, second]);
      const [first, next] = entries as [Json, Json];
      const foreign = await signed(people.alice, "half-signed", makeKey(), [bobs]);
      const own = await signed(people.alice, "half-signed", bobs, [lost]);
      for (const [keys, status, code] of [
        [[next, first], 409, "key_change_outdated"],
        [[first, { ...next, previous: first.previous }], 409, "key_change_outdated"],
        [[first, { ...next, signature: first.signature }], 400, "signature_invalid"],
        [foreign, 400, "signature_invalid"],
        [own, 404, "key_not_found"],
        [[first, { ...next, at: "2026-02-30T00:00:00Z" }], 422, "validation_failed"],
        [[first, { ...next, at: "2020-02-02T00:00:00Z" }], 422, "validation_failed"],
      ] as const) {
        const refused = await remove(people.alice, "half-signed", people.bob, keys);
        expectProblem(refused, status, code);
        if (status === 422) expect(refused.body.errors[0].path).toBe("/keys/1/at");
      }
      const token = await withToken(people.alice, ["owners"]);
      expectProblem(await remove(token, "half-signed", people.bob, entries), 403, "session_required");
      expect((await read("half-signed")).changes.length).toBe(2);
      const { body } = await guest().get("/api/packages/half-signed/owners");
      expect(body.items.length).toBe(2);
      expect((await remove(token, "half-signed", people.bob)).body.keys.length).toBe(2);
      const late = await remove(people.alice, "half-signed", people.bob, entries);
      expect([late.status, late.body.keys]).toEqual([200, []]);
    });

    test("the last key of a package does not go with its owner", async () => {
      await published("last-one");
      for (const by of [people.alice, people.bob]) await by.send("PUT", ownerPath("last-one", people.bob));
      const entries = await signed(people.alice, "last-one", lost, [lost]);
      expectProblem(await remove(people.alice, "last-one", people.alice, entries), 409, "last_key");
    });

    test(
      "an upheld reset is cancelled by an owner or an administrator",
      async () => {
        for (const name of ["upheld-owner", "upheld-admin"]) {
          await shared(name);
          await resetTo(people.alice, name, fresh);
          const outcome = await runOffline(registry(), "admin", "uphold-reset", name);
          expect([outcome.exitCode, outcome.stderr]).toEqual([0, ""]);
          expect(outcome.stdout).toStartWith(`Keys cannot cancel the reset of ${name} any more. ${fresh.publicHex} `);
          expect((await read(name)).changes.at(-1).leaf).toContain("\nby (operator)\n");
          expectProblem(await cancelByKey(guest(), name, fresh, { by: bobs }), 409, "reset_upheld");
        }
        const admin = await newAdmin(registry());
        expect((await cancel(people.alice, "upheld-owner")).status).toBe(200);
        expect((await cancel(admin, "upheld-admin")).status).toBe(200);
        for (const name of ["upheld-owner", "upheld-admin"]) expect((await read(name)).reset).toBeNull();
        await expectCleanAudit();
      },
      LIMIT_MS,
    );

    test(
      "an administrator upholds the next reset where a program cancels each one at once",
      async () => {
        await shared("raced");
        const outcome = await runOffline(registry(), "admin", "uphold-reset", "raced", "--json");
        const upheld = JSON.parse(outcome.stdout);
        expect(upheld).toEqual({ name: "raced", reset: null, waitsUntil: expect.any(String) });
        await resetTo(people.alice, "raced", fresh);
        expectProblem(await cancelByKey(guest(), "raced", fresh, { by: bobs }), 409, "reset_upheld");
        const { reset, changes } = await read("raced");
        expect([reset.upheld, changes.map(({ action }: Json) => action)]).toEqual([true, ["add", "reset", "uphold"]]);
        // The administrator's decision is valid for one reset, and for a week.
        await cancel(people.alice, "raced");
        await resetTo(people.alice, "raced", fresh);
        expect((await cancelByKey(guest(), "raced", fresh, { by: bobs })).status).toBe(200);
        await expectCleanAudit();
        const admin = await newAdmin(registry());
        expect((await admin.send("PUT", "/api/packages/raced/keys/reset/uphold")).body.reset).toBeNull();
        at(7 * DAY_MS + HOUR_MS);
        await resetTo(await again(people.alice), "raced", fresh);
        expect((await read("raced")).reset.upheld).toBe(false);
      },
      LIMIT_MS,
    );
  },
  { env: { PUBLISH_LIMITS: "off" } },
);

function byKey(a: Json, b: Json): number {
  return a.publicKey < b.publicKey ? -1 : 1;
}
