import { afterEach, beforeAll, expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { eq, like } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  Client,
  expectProblem,
  type Json,
  makeKey,
  newAccount,
  type SigningKey,
  sha256,
  signMessage,
} from "../support/client.ts";
import {
  addKey,
  changeStatement,
  firstLeafDigest,
  keyIdOf,
  newKey,
  previousOf,
  removeKey,
  resetTo,
  SIGNED_AT,
} from "../support/key-statements.ts";
import { onBothDatabases, TEST_LOG_ORIGIN } from "../support/registry.ts";
import { eventsOf, newAdmin, withToken } from "../support/roles.ts";

const OPTIONS = { env: { PUBLISH_LIMITS: "off" } };

/** Verifies with `openssl pkeyutl -verify`. */
function holds({ privateKey }: SigningKey, message: string, signature: Uint8Array): boolean {
  return verify(null, Buffer.from(message), createPublicKey(privateKey), signature);
}

onBothDatabases(
  "package keys",
  (registry) => {
    let [alice, bob]: Client[] = [];
    let [first, second]: SigningKey[] = [];
    const as = (client: Client | undefined) => client as Client;
    const one = (key: SigningKey | undefined) => key as SigningKey;
    const guest = () => new Client(registry().url);
    const publish = (name: string, version: string, key = first, by = alice) =>
      as(by).publish(name, version, makePackage({ name, version }), one(key));
    const published = async (name: string, version = "1.0.0", key = first) => {
      expect((await publish(name, version, key)).status).toBe(201);
    };
    const read = async (name: string): Promise<Json> => (await guest().get(`/api/packages/${name}/keys`)).body;
    const stateOf = (body: Json) => body.keys.map(({ publicKey, status }: Json) => [publicKey, status]);
    const paths = (answer: Answer) => answer.body.errors.map(({ path }: Json) => path);

    beforeAll(async () => {
      [alice, bob] = [await newAccount(registry(), "alice"), await newAccount(registry(), "bob")];
      [first, second] = [await newKey(as(alice)), await newKey(as(alice))];
    });
    afterEach(() => {
      registry().now = undefined;
    });

    test("the first publish pins its key to the package; another key of the same account may not sign", async () => {
      registry().now = new Date();
      await published("pinned");
      const now = registry().now?.toISOString();
      expect(await read("pinned")).toEqual({
        name: "pinned",
        registry: TEST_LOG_ORIGIN,
        keys: [
          {
            keyId: keyIdOf(one(first)),
            publicKey: one(first).publicHex,
            status: "active",
            addedAt: now,
            endedAt: null,
            compromisedSince: null,
          },
        ],
        previous: await firstLeafDigest(guest(), "pinned"),
        reset: null,
        changes: [],
      });
      const refused = await publish("pinned", "2.0.0", second);
      expectProblem(refused, 403, "key_not_trusted");
      expect(refused.body.detail).toContain("/api/packages/pinned/keys");
      expect((await as(alice).get("/api/packages/pinned")).body.versions).toHaveLength(1);
      const recorded = await eventsOf(registry(), "package_key.", "pinned");
      const details = { keyId: keyIdOf(one(first)), publicKey: one(first).publicHex };
      expect(recorded.map(({ kind, by, details }) => [kind, by, details])).toEqual([
        ["package_key.pinned", as(alice).username, details],
      ]);
    });

    test("a package key is added by signatures of an active key and of the new one; the leaf proves both", async () => {
      await published("grown");
      const previous = await firstLeafDigest(guest(), "grown");
      const added = await addKey(as(alice), "grown", one(second), { by: one(first) });
      expect([added.status, added.body]).toEqual([200, await read("grown")]);
      expect(stateOf(added.body)).toEqual([
        [one(first).publicHex, "active"],
        [one(second).publicHex, "active"],
      ]);
      await published("grown", "2.0.0", second);
      await published("grown", "3.0.0", first);
      const [change] = added.body.changes;
      const { leaf, leafSha256, at: _, ...rest } = change;
      const at = /^at: (.*)$/m.exec(rest.statement)?.[1] ?? "";
      const statement = changeStatement("grown", "add", one(second), previous, { at });
      const by = as(alice).username;
      expect(rest).toEqual({ seq: 1, action: "add", publicKey: one(second).publicHex, by, statement });
      const [signatures, ...lines] = leaf.trimEnd().split("\n").toReversed();
      expect(lines.toReversed()).toEqual([
        `cpm.key/v2 grown 1 add ${one(second).publicHex}`,
        `by ${by}`,
        `previous ${previous}`,
        `at ${at}`,
      ]);
      const [, signature = "", newKeySignature = ""] = signatures.split(" ");
      expect(holds(one(first), statement, Buffer.from(signature, "base64"))).toBe(true);
      expect(holds(one(second), statement, Buffer.from(newKeySignature, "base64"))).toBe(true);
      expect([leafSha256, added.body.previous]).toEqual([sha256(Buffer.from(leaf)), leafSha256]);
      expect(Buffer.byteLength(leaf)).toBeLessThanOrEqual(1_024);
      const [, event] = await eventsOf(registry(), "package_key.", "grown");
      const details = { keyId: keyIdOf(one(second)), publicKey: one(second).publicHex, signedBy: keyIdOf(one(first)) };
      expect([event?.kind, event?.by, event?.details]).toEqual(["package_key.added", by, details]);
    });

    test("package keys are listed with their whole history, in which each leaf is named by the next", async () => {
      await published("history");
      const third = makeKey();
      await addKey(as(alice), "history", one(second), { by: one(first) });
      await addKey(as(alice), "history", third, { by: one(second) });
      await removeKey(as(alice), "history", one(second), { by: third });
      expect((await addKey(as(alice), "history", one(second), { by: third })).status).toBe(200);
      const { changes, previous, keys } = await read("history");
      expect(changes.map(({ seq, action, publicKey }: Json) => [seq, action, publicKey])).toEqual([
        [1, "add", one(second).publicHex],
        [2, "add", third.publicHex],
        [3, "remove", one(second).publicHex],
        [4, "add", one(second).publicHex],
      ]);
      const named = changes.map(({ statement }: Json) => /^previous: (.*)$/m.exec(statement)?.[1]);
      const digests = changes.map(({ leaf }: Json) => sha256(Buffer.from(leaf)));
      expect([...named, previous]).toEqual([await firstLeafDigest(guest(), "history"), ...digests]);
      expect(keys.map(({ status }: Json) => status)).toEqual(["active", "active", "active"]);
      await published("history", "2.0.0", second);
    });

    test("a package key is not added by an earlier, foreign or altered statement, or by one of others", async () => {
      await published("guarded");
      await published("guarded-too");
      const [by, previous, name] = [one(first), await firstLeafDigest(guest(), "guarded"), "guarded"];
      const [wanted, stranger] = [makeKey(), await newKey(as(alice))];
      const right = changeStatement(name, "add", wanted, previous);
      const send = (signed: string, agreed: string, signer = by, agreeing = wanted) =>
        as(alice).post(`/api/packages/${name}/keys`, {
          publicKey: wanted.publicHex,
          previous,
          at: SIGNED_AT,
          signature: signMessage(signer, signed),
          newKeySignature: signMessage(agreeing, agreed),
        });
      const wrong = [
        changeStatement("guarded-too", "add", wanted, previous),
        changeStatement(name, "remove", wanted, previous),
        changeStatement(name, "reset", wanted, previous),
        changeStatement(name, "add", by, previous),
        changeStatement(name, "add", wanted, "1".repeat(64)),
        changeStatement(name, "add", wanted, previous, { registry: "other.test/log" }),
        changeStatement(name, "add", wanted, previous, { at: "2026-01-01T00:00:00Z" }),
        right.slice(0, -1),
        right.replaceAll("\n", "\r\n"),
      ];
      for (const statement of wrong) {
        for (const [signed, agreed, path] of [
          [statement, right, "/signature"],
          [right, statement, "/newKeySignature"],
        ] as const) {
          const answer = await send(signed, agreed);
          expectProblem(answer, 400, "signature_invalid");
          expect(paths(answer)).toEqual([path]);
        }
      }
      // A key of the account that is not pinned, the new key for both, the old key for both.
      expectProblem(await send(right, right, stranger), 400, "signature_invalid");
      expectProblem(await send(right, right, wanted), 400, "signature_invalid");
      expectProblem(await send(right, right, by, by), 400, "signature_invalid");
      expect((await read(name)).changes).toEqual([]);
      expect((await send(right, right)).status).toBe(200);
      const replayed = await send(right, right);
      expectProblem(replayed, 409, "key_exists");
      expect((await removeKey(as(alice), name, wanted, { by })).status).toBe(200);
      const outdated = await send(right, right);
      expectProblem(outdated, 409, "key_change_outdated");
      expect(outdated.body.detail).toContain(await previousOf(guest(), name));
    });

    test("of two concurrent key changes that follow the same leaf one succeeds", async () => {
      await published("raced");
      for (let round = 0; round < 5; round += 1) {
        const previous = await previousOf(guest(), "raced");
        const keys = [makeKey(), makeKey(), makeKey()];
        const answers = await Promise.all(
          keys.map((key) => addKey(as(alice), "raced", key, { by: one(first), previous })),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
        for (const answer of answers) {
          if (answer.status === 409) expectProblem(answer, 409, "key_change_outdated");
        }
      }
      const { changes, keys } = await read("raced");
      expect(changes.map(({ seq }: Json) => seq)).toEqual([1, 2, 3, 4, 5]);
      expect(keys).toHaveLength(6);
    });

    test("package keys are changed by owners with a session: not by others, tokens or guests, whatever they can sign", async () => {
      await published("owned");
      const previous = await firstLeafDigest(guest(), "owned");
      const token = await withToken(as(alice), ["read", "publish-update", "yank", "owners"]);
      const cases = [
        [as(bob), 403, "not_an_owner"],
        [token, 403, "session_required"],
        [guest(), 401, "unauthenticated"],
      ] as const;
      for (const [by, status, code] of cases) {
        expectProblem(await addKey(by, "owned", one(second), { by: one(first), previous }), status, code);
        expectProblem(await removeKey(by, "owned", one(first), { by: one(first), previous }), status, code);
      }
      const missing = { by: one(first), previous };
      expectProblem(await addKey(as(alice), "owned-not", one(second), missing), 404, "package_not_found");
      expectProblem(await removeKey(as(alice), "owned-not", one(first), missing), 404, "package_not_found");
      expectProblem(await guest().get("/api/packages/owned-not/keys"), 404, "package_not_found");
      await as(alice).send("PUT", `/api/packages/owned/owners/${as(bob).username}`);
      await as(bob).send("PUT", `/api/packages/owned/owners/${as(bob).username}`);
      expectProblem(await addKey(as(bob), "owned", makeKey(), { by: makeKey() }), 400, "signature_invalid");
      const bobs = await newKey(as(bob));
      expectProblem(await publish("owned", "2.0.0", bobs, bob), 403, "key_not_trusted");
      expect((await addKey(as(alice), "owned", bobs, { by: one(first) })).status).toBe(200);
      expect((await publish("owned", "2.0.0", bobs, bob)).status).toBe(201);
      // A pinned key, which belongs to Bob and not to Alice.
      expectProblem(await publish("owned", "3.0.0", bobs, alice), 403, "key_not_trusted");
    });

    test("a package has at most 20 active keys", async () => {
      await published("crowded");
      for (let at = 1; at < 20; at += 1) await addKey(as(alice), "crowded", makeKey(), { by: one(first) });
      expectProblem(await addKey(as(alice), "crowded", makeKey(), { by: one(first) }), 409, "limit_reached");
    });

    test("a package has at most a thousand key changes when a key is added, and its keys can still be removed", async () => {
      await published("restless");
      expect((await addKey(as(alice), "restless", one(second), { by: one(first) })).status).toBe(200);
      await registry().deps.db.write(async ({ query, tables: { packageKeyChanges } }) => {
        const isOfRestless = like(packageKeyChanges.leaf, "cpm.key/v2 restless %");
        await query.update(packageKeyChanges).set({ seq: 999 }).where(isOfRestless);
      });
      const [third, fourth] = [makeKey(), makeKey()];
      expect((await addKey(as(alice), "restless", third, { by: one(first) })).status).toBe(200);
      expectProblem(await addKey(as(alice), "restless", fourth, { by: one(first) }), 409, "limit_reached");
      expect((await removeKey(as(alice), "restless", third, { by: one(first) })).status).toBe(200);
      expect((await resetTo(as(alice), "restless", fourth)).status).toBe(200);
    });

    test("a package has at most 200 keys in all: removed keys are kept and count", async () => {
      await published("worn");
      await registry().deps.db.write(async ({ query, tables: { packageKeys, packages } }) => {
        const [worn] = await query.select().from(packages).where(eq(packages.name, "worn"));
        const row = () => ({ packageId: worn?.id ?? 0, publicKey: makeKey().publicHex, addedAt: new Date() });
        const rows = Array.from({ length: 198 }, () => ({ ...row(), status: "superseded" as const }));
        await query.insert(packageKeys).values(rows);
      });
      expect((await addKey(as(alice), "worn", one(second), { by: one(first) })).status).toBe(200);
      expectProblem(await addKey(as(alice), "worn", makeKey(), { by: one(first) }), 409, "limit_reached");
      // A removed key stays removed, and a reset is the only way left.
      expect((await removeKey(as(alice), "worn", one(second), { by: one(first) })).status).toBe(200);
      expect((await addKey(as(alice), "worn", one(second), { by: one(first) })).status).toBe(200);
      expect((await resetTo(as(alice), "worn", makeKey())).status).toBe(200);
    });

    test("package keys have an entity tag, and can be changed while the package is archived or quarantined", async () => {
      await published("held");
      const etag = (await guest().get("/api/packages/held/keys")).headers.get("etag") ?? "";
      const again = await guest().get("/api/packages/held/keys", { "if-none-match": etag });
      expect([again.status, again.text]).toEqual([304, ""]);
      expect((await as(alice).send("PUT", "/api/packages/held/status", { status: "archived" })).status).toBe(200);
      expect((await addKey(as(alice), "held", one(second), { by: one(first) })).status).toBe(200);
      expectProblem(await publish("held", "2.0.0", second), 403, "package_archived");
      const admin = await newAdmin(registry());
      await admin.send("PUT", "/api/packages/held/quarantine", { reason: "Looks stolen" });
      expect((await removeKey(as(alice), "held", one(first), { by: one(second) })).status).toBe(200);
      expectProblem(await publish("held", "2.0.0", second), 403, "quarantined");
      const changed = await guest().get("/api/packages/held/keys", { "if-none-match": etag });
      expect([changed.status, changed.body.changes.length]).toEqual([200, 2]);
    });
  },
  OPTIONS,
);
