import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Client,
  expectProblem,
  type Json,
  makeKey,
  newAccount,
  type SigningKey,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { addKey, keyIdOf, newKey, register } from "../support/key-statements.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";

/* Which keys an account may publish with: trust on first use, and then only its own. */

onBothDatabases(
  "the first publish of an account",
  (registry) => {
    let owner: Client;
    const publish = (by: Client, name: string, key: SigningKey, version = "1.0.0") =>
      by.publish(name, version, makePackage({ name, version }), key);
    const keysOf = async (by: Client): Promise<Json[]> => (await by.get("/api/auth/keys")).body.items;

    beforeAll(async () => {
      owner = await newAccount(registry(), "first");
    });

    test("makes its key a key of the account, which then publishes only with registered keys", async () => {
      const [first, second] = [makeKey(), makeKey()];
      expect((await publish(owner, "first-one", first)).status).toBe(201);
      const [known] = await keysOf(owner);
      expect([known.publicKey, known.label, known.retiredAt]).toEqual([first.publicHex, "first publish", null]);
      const recorded = (await eventsOf(registry(), "key.registered")).filter(({ by }) => by === owner.username);
      const details = { keyId: keyIdOf(first), publicKey: first.publicHex, firstUse: true };
      expect(recorded.map((event) => event.details)).toEqual([details]);

      const before = await tracesOf(registry());
      expectProblem(await publish(owner, "first-two", second), 403, "key_not_trusted");
      expectProblem(await publish(owner, "first-one", second, "2.0.0"), 403, "key_not_trusted");
      expect(await tracesOf(registry())).toEqual(before);
      expect((await register(owner, second)).status).toBe(201);
      expect((await publish(owner, "first-two", second)).status).toBe(201);
      expect(await keysOf(owner)).toHaveLength(2);
    });

    test("with a token registers the key too, so that a stolen token cannot bring another key", async () => {
      const account = await newAccount(registry(), "by-token");
      const token = await withToken(account, ["publish-new", "publish-update"]);
      const key = makeKey();
      expect((await publish(token, "by-token", key)).status).toBe(201);
      expectProblem(await publish(token, "by-thief", makeKey()), 403, "key_not_trusted");
      expectProblem(await publish(token, "by-token", makeKey(), "2.0.0"), 403, "key_not_trusted");
      expect((await keysOf(account)).map(({ publicKey }) => publicKey)).toEqual([key.publicHex]);
    });

    test("registers nothing when it fails or is a dry run", async () => {
      const account = await newAccount(registry(), "careful");
      const key = makeKey();
      expect((await publish(owner, "somebodys", await newKey(owner))).status).toBe(201);
      expectProblem(await publish(account, "somebodys", key, "2.0.0"), 403, "not_an_owner");
      const archive = makePackage({ name: "careful", version: "1.0.0" });
      const signature = signMessage(key, statementOf("careful", "1.0.0", archive));
      const dry = await account.publishFields({ archive, signature, publicKey: key.publicHex }, "?dryRun=true");
      expect(dry.status).toBe(200);
      expectProblem(
        await account.publishFields({ archive, signature, publicKey: makeKey().publicHex }),
        400,
        "signature_invalid",
      );
      expect(await keysOf(account)).toEqual([]);
      expect((await publish(account, "careful", key)).status).toBe(201);
    });

    test("registers one of two keys that come at the same time, and the other publish leaves nothing", async () => {
      for (let round = 0; round < 4; round += 1) {
        const account = await newAccount(registry(), "racing");
        const keys = [makeKey(), makeKey()];
        const names = [`race-${round}-a`, `race-${round}-b`];
        const answers = await Promise.all(keys.map((key, at) => publish(account, names[at] ?? "", key)));
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
        const won = answers.findIndex(({ status }) => status === 201);
        expect((await keysOf(account)).map(({ publicKey }) => publicKey)).toEqual([keys[won]?.publicHex]);
        expect((await account.get(`/api/packages/${names[1 - won]}`)).status).toBe(404);
      }
    });

    test("pins one of two keys of the account that publish one package at the same time", async () => {
      const account = await newAccount(registry(), "pinning");
      const keys = [await newKey(account), await newKey(account)];
      for (let round = 0; round < 4; round += 1) {
        const name = `pinned-once-${round}`;
        const answers = await Promise.all(keys.map((key, at) => publish(account, name, key, `1.0.${at}`)));
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
        const won = answers.findIndex(({ status }) => status === 201);
        expectProblem(answers[1 - won] as Json, 403, "key_not_trusted");
        const pinned = (await account.get(`/api/packages/${name}/keys`)).body.keys;
        expect(pinned.map(({ publicKey }: Json) => publicKey)).toEqual([keys[won]?.publicHex]);
      }
    });

    test("does not happen again after the account's only key was retired", async () => {
      const account = await newAccount(registry(), "retired");
      const key = makeKey();
      expect((await publish(account, "retired-key", key)).status).toBe(201);
      expect((await account.send("DELETE", `/api/auth/keys/${keyIdOf(key)}`)).status).toBe(204);
      for (const by of [account, await withToken(account, ["publish-new", "publish-update"])]) {
        for (const [name, used] of [["retired-key", key] as const, ["retired-new", makeKey()] as const]) {
          expectProblem(await publish(by, name, used, "2.0.0"), 403, "key_not_trusted");
        }
      }
      const next = await newKey(account);
      expectProblem(await publish(account, "retired-key", next, "2.0.0"), 403, "key_not_trusted");
      // The retired key is still pinned, so it can sign the change to another key. That needs a
      // session too.
      expect((await addKey(account, "retired-key", next, { by: key })).status).toBe(200);
      expect((await publish(account, "retired-key", next, "2.0.0")).status).toBe(201);
      expect((await account.get("/api/packages/retired-key/1.0.0/download")).status).toBe(200);
    });

    test("takes no key away from another account that has the same key", async () => {
      const [one, two] = [await newAccount(registry(), "same"), await newAccount(registry(), "same")];
      const key = makeKey();
      expect((await publish(one, "same-one", key)).status).toBe(201);
      expect((await publish(two, "same-two", key)).status).toBe(201);
      for (const account of [one, two]) {
        expect((await keysOf(account)).map(({ publicKey }) => publicKey)).toEqual([key.publicHex]);
      }
      expectProblem(await publish(two, "same-one", key, "2.0.0"), 403, "not_an_owner");
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
