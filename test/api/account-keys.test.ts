import { afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Point } from "@noble/ed25519";
import { eq } from "drizzle-orm";
import { type Answer, Client, expectProblem, type Json, makeKey, newAccount, signMessage } from "../support/client.ts";
import { challenge, keyIdOf, register, registrationStatement } from "../support/key-statements.ts";
import { onBothDatabases, TEST_PUBLIC_URL } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";

const KEYS = "/api/auth/keys";
const MINUTE_MS = 60_000;
const ZIP215 = join(import.meta.dir, "../../../shared/vectors/zip215.json");

/** Keys that libraries disagree about. The registry accepts none of them. */
function weakKeys(): string[] {
  const torsion = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", false);
  const mixed = Point.fromHex(makeKey().publicHex).add(torsion).toHex();
  const prime = 2n ** 255n - 19n;
  const nonCanonical = Array.from({ length: 17 }, (_, at) =>
    Buffer.from((prime + BigInt(at + 2)).toString(16).padStart(64, "0"), "hex")
      .reverse()
      .toString("hex"),
  );
  const ofSmallOrder = [`01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`, "00".repeat(32), torsion.toHex()];
  return [...ofSmallOrder, mixed, ...nonCanonical];
}

/* Statements name the origin of the public address, without its path (RFC 6454). */
const OPTIONS = { env: { PUBLIC_URL: `${TEST_PUBLIC_URL}/colonies/registry` } };

onBothDatabases(
  "account keys",
  (registry) => {
    let [alice, bob]: Client[] = [];
    const as = (client: Client | undefined) => client as Client;
    const list = async (by = alice): Promise<Json[]> => (await as(by).get(KEYS)).body.items;
    const hexesOf = async (by = alice) => (await list(by)).map(({ publicKey }) => publicKey);
    const retire = (by: Client, keyId: string) => by.send("DELETE", `${KEYS}/${keyId}`);
    const registeredBy = async ({ username }: Client) =>
      (await eventsOf(registry(), "key.")).filter(({ by }) => by === username);

    beforeAll(async () => {
      [alice, bob] = [await newAccount(registry(), "alice"), await newAccount(registry(), "bob")];
    });
    afterEach(() => {
      registry().now = undefined;
    });

    test("account keys are registered by signing a challenge, and listed in order of registration", async () => {
      const owner = await newAccount(registry(), "Owner");
      const [first, second] = [makeKey(), makeKey()];
      const now = new Date();
      registry().now = now;
      const asked = await owner.post(`${KEYS}/challenge`, { publicKey: first.publicHex });
      expect([asked.status, asked.headers.get("cache-control")]).toEqual([201, "no-store"]);
      const { nonce, statement, expiresAt } = asked.body;
      expect(nonce).toMatch(/^[0-9a-f]{64}$/);
      expect(statement).toBe(registrationStatement(owner.username, first, nonce));
      expect(expiresAt).toBe(new Date(now.getTime() + 10 * MINUTE_MS).toISOString());
      const signature = signMessage(first, statement);
      const made = await owner.post(KEYS, { publicKey: first.publicHex, nonce, signature, label: "my laptop ✓" });
      const shown = {
        keyId: keyIdOf(first),
        publicKey: first.publicHex,
        label: "my laptop ✓",
        createdAt: now.toISOString(),
        retiredAt: null,
      };
      expect([made.status, made.body]).toEqual([201, shown]);
      expect((await register(owner, second)).body.label).toBe("");
      expect((await list(owner)).map(({ keyId }) => keyId)).toEqual([keyIdOf(first), keyIdOf(second)]);
      expect((await list(owner))[0]).toEqual(shown);
      expect(await registeredBy(owner)).toEqual(
        [first, second].map((key) => ({
          kind: "key.registered",
          by: owner.username,
          withToken: false,
          version: null,
          details: { keyId: keyIdOf(key), publicKey: key.publicHex },
        })),
      );
    });

    test.each(["base64", "base64url"] as const)(
      "an account key in %s is accepted, and shown in hex",
      async (encoding) => {
        const key = makeKey();
        const nonce = await challenge(as(alice), key);
        const message = registrationStatement(as(alice).username, key, nonce);
        const signature = Buffer.from(signMessage(key, message), "base64").toString(encoding);
        const publicKey = Buffer.from(key.publicHex, "hex").toString(encoding);
        expect((await as(alice).post(KEYS, { publicKey, nonce, signature })).body.publicKey).toBe(key.publicHex);
      },
    );

    test("registering an account key needs an unused nonce of this account and key, at most ten minutes old", async () => {
      const [key, other] = [makeKey(), makeKey()];
      const start = Date.now();
      registry().now = new Date(start);
      const nonce = await challenge(as(alice), key);
      expectProblem(await register(as(alice), key, "0".repeat(64)), 400, "nonce_invalid");
      expectProblem(await register(as(alice), other, nonce), 400, "nonce_invalid");
      expectProblem(await register(as(bob), key, nonce), 400, "nonce_invalid");
      const newer = await challenge(as(alice), key);
      expectProblem(await register(as(alice), key, nonce), 400, "nonce_invalid");
      registry().now = new Date(start + 10 * MINUTE_MS);
      const late = await newAccount(registry(), "late");
      expectProblem(await register(as(alice), key, newer), 400, "nonce_invalid");
      const lateNonce = await challenge(late, key);
      registry().now = new Date(start + 20 * MINUTE_MS - 1);
      expect((await register(late, key, lateNonce)).status).toBe(201);
      expectProblem(await register(late, key, lateNonce), 400, "nonce_invalid");
      expect(await hexesOf()).not.toContain(key.publicHex);
      expect(await hexesOf(bob)).not.toContain(key.publicHex);
    });

    test("registering an account key needs its signature over exactly this statement; a failed attempt leaves the nonce valid", async () => {
      const [key, other] = [makeKey(), makeKey()];
      const nonce = await challenge(as(alice), key);
      const { username } = as(alice);
      const right = registrationStatement(username, key, nonce);
      const wrong = [
        signMessage(other, right),
        signMessage(key, registrationStatement(as(bob).username, key, nonce)),
        signMessage(key, registrationStatement(username, other, nonce)),
        signMessage(key, registrationStatement(username, key, "0".repeat(64))),
        signMessage(key, registrationStatement(username, key, nonce, "http://elsewhere.test")),
        signMessage(key, registrationStatement(username, key, nonce, `${TEST_PUBLIC_URL}/`)),
        signMessage(key, right.slice(0, -1)),
        signMessage(key, right.replaceAll("\n", "\r\n")),
        signMessage(key, nonce),
        "00".repeat(64),
        "x",
      ];
      for (const signature of wrong) {
        const answer = await as(alice).post(KEYS, { publicKey: key.publicHex, nonce, signature });
        expectProblem(answer, 400, "signature_invalid");
        expect(answer.body.errors.map(({ path }: Json) => path)).toEqual(["/signature"]);
      }
      expect(await hexesOf()).not.toContain(key.publicHex);
      expect((await register(as(alice), key, nonce)).status).toBe(201);
    });

    test("an account key that is weak, not in canonical form or of another length is refused", async () => {
      const zip215: { vk_bytes: string }[] = existsSync(ZIP215) ? JSON.parse(readFileSync(ZIP215, "utf8")) : [];
      const fromVectors = [...new Set(zip215.map(({ vk_bytes }) => vk_bytes))];
      const weak = [...weakKeys(), ...fromVectors];
      for (const publicKey of [...weak, "x", "ab".repeat(31), "ab".repeat(33)]) {
        const proof = { nonce: "0".repeat(64), signature: "11".repeat(64) };
        const asked = await as(alice).post(`${KEYS}/challenge`, { publicKey });
        for (const answer of [asked, await as(alice).post(KEYS, { publicKey, ...proof })]) {
          expect([publicKey, answer.status]).toEqual([publicKey, 400]);
          expectProblem(answer, 400, "signature_invalid");
          expect(answer.body.errors.map(({ path }: Json) => path)).toEqual(["/publicKey"]);
        }
      }
    });

    test("an account has each key once, and of two concurrent uses of a nonce one succeeds", async () => {
      const key = makeKey();
      const nonce = await challenge(as(alice), key);
      const both = await Promise.all([register(as(alice), key, nonce), register(as(alice), key, nonce)]);
      expect(both.map(({ status }) => status).sort()).toEqual([201, 400]);
      expectProblem(await register(as(alice), key), 409, "key_exists");
      expect((await hexesOf()).filter((hex) => hex === key.publicHex)).toHaveLength(1);
    });

    test("two accounts may register the same key, do not learn of each other, and retire it separately", async () => {
      const key = makeKey();
      for (const owner of [as(alice), as(bob)]) expect((await register(owner, key)).status).toBe(201);
      expect((await retire(as(alice), keyIdOf(key))).status).toBe(204);
      expect((await list(bob)).find(({ keyId }) => keyId === keyIdOf(key))?.retiredAt).toBeNull();
    });

    test("an account key is retired for good, once, and only by its account", async () => {
      const owner = await newAccount(registry(), "retiring");
      const key = makeKey();
      await register(owner, key);
      const keyId = keyIdOf(key);
      for (const unknown of [keyId.toUpperCase(), "x", "%00", "a".repeat(3_000), "'%20OR%201=1--"]) {
        expectProblem(await retire(owner, unknown), 404, "key_not_found");
      }
      expectProblem(await retire(as(bob), keyId), 404, "key_not_found");
      const now = new Date();
      registry().now = now;
      const answers = await Promise.all(Array.from({ length: 6 }, () => retire(owner, keyId)));
      expect(answers.map(({ status, text }) => [status, text])).toEqual(Array.from({ length: 6 }, () => [204, ""]));
      registry().now = new Date(now.getTime() + 5_000);
      expect((await retire(owner, keyId)).status).toBe(204);
      expect((await list(owner)).map(({ retiredAt }) => retiredAt)).toEqual([now.toISOString()]);
      const recorded = (await registeredBy(owner)).map(({ kind, details }) => [kind, details]);
      expect(recorded.slice(1)).toEqual([["key.retired", { keyId, publicKey: key.publicHex }]]);
      const again = await register(owner, key);
      expectProblem(again, 409, "key_exists");
      expect(again.body.detail).toContain("retired");
    });

    const fill = (owner: Client, retiredAt: Date | null, count: number) =>
      registry().deps.db.write(async ({ query, tables: { accountKeys, users } }) => {
        const [user] = await query.select().from(users).where(eq(users.username, owner.username));
        const row = () => ({ userId: user?.id ?? "", label: "", createdAt: new Date(), retiredAt });
        const rows = Array.from({ length: count }, () => ({ ...row(), publicKey: makeKey().publicHex }));
        await query.insert(accountKeys).values(rows);
      });

    test("an account has at most 100 active keys, also if they are registered concurrently; retired keys make room", async () => {
      const owner = await newAccount(registry(), "collector");
      await fill(owner, new Date(), 50);
      await fill(owner, null, 97);
      const answers = await Promise.all(Array.from({ length: 6 }, () => register(owner, makeKey())));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409]);
      expectProblem(answers.find(({ status }) => status === 409) as Answer, 409, "limit_reached");
      const made = answers.find(({ status }) => status === 201);
      expect((await retire(owner, made?.body.keyId)).status).toBe(204);
      expect((await register(owner, makeKey())).status).toBe(201);
      expectProblem(await register(owner, makeKey()), 409, "limit_reached");
    });

    test("an account has at most 200 keys in all: retired keys are kept and count", async () => {
      const owner = await newAccount(registry(), "rotating");
      await fill(owner, new Date(), 199);
      const last = await register(owner, makeKey());
      expect((await retire(owner, last.body.keyId)).status).toBe(204);
      const refused = await register(owner, makeKey());
      expectProblem(refused, 409, "limit_reached");
      expect(refused.body.detail).toContain("200");
    });

    test("an account has at most 100 open challenges; expired ones do not count", async () => {
      const owner = await newAccount(registry(), "asking");
      const start = Date.now();
      registry().now = new Date(start);
      for (let at = 0; at < 100; at += 1) await challenge(owner, makeKey());
      expectProblem(await owner.post(`${KEYS}/challenge`, { publicKey: makeKey().publicHex }), 409, "limit_reached");
      registry().now = new Date(start + 10 * MINUTE_MS + 1);
      expect((await register(owner, makeKey())).status).toBe(201);
    });

    test("account keys are private to a session of their account: a guest gets 401, an API token 403", async () => {
      const key = makeKey();
      const nonce = await challenge(as(alice), key);
      const everything = ["read", "publish-new", "publish-update", "yank", "owners"];
      const token = await withToken(as(alice), everything);
      const calls = (by: Client) => [
        by.get(KEYS),
        by.post(`${KEYS}/challenge`, { publicKey: key.publicHex }),
        register(by, key, nonce),
        retire(by, keyIdOf(key)),
        by.post(KEYS, { nonsense: true }),
      ];
      for (const answer of await Promise.all(calls(token))) expectProblem(answer, 403, "session_required");
      for (const answer of await Promise.all(calls(new Client(registry().url)))) {
        expectProblem(answer, 401, "unauthenticated");
      }
      expect((await register(as(alice), key, nonce)).status).toBe(201);
      expect(await hexesOf(bob)).not.toContain(key.publicHex);
    });

    const BAD: readonly [what: string, path: string, fields: object][] = [
      ["a label of 101 characters", "/label", { label: "x".repeat(101) }],
      ["a label of two lines", "/label", { label: "a\nb" }],
      ["a label that is a number", "/label", { label: 7 }],
      ["a nonce in capitals", "/nonce", { nonce: "A".repeat(64) }],
      ["no nonce", "/nonce", { nonce: undefined }],
      ["no signature", "/signature", { signature: undefined }],
      ["a key of a thousand characters", "/publicKey", { publicKey: "a".repeat(1_000) }],
    ];
    test.each(BAD)("registering an account key with %s answers 422 and names the field", async (_, path, fields) => {
      const whole = { publicKey: makeKey().publicHex, nonce: "0".repeat(64), signature: "11".repeat(64) };
      const answer = await as(alice).post(KEYS, { ...whole, ...fields });
      expectProblem(answer, 422, "validation_failed");
      expect(answer.body.errors.map((error: Json) => error.path)).toEqual([path]);
    });
  },
  OPTIONS,
);
