import { beforeEach, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  Client,
  expectProblem,
  makeKey,
  newAccount,
  PASSWORD,
  publishForm,
  type SigningKey,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, type TestRegistry, tracesOf } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

const YEAR_SECONDS = 365 * 24 * 3_600;
const POLICY = '"versions";q=5;w=3600, "new-names";q=3;w=3600';

/** A client that publishes with one key. */
interface Publisher {
  readonly client: Client;
  readonly key: SigningKey;
}

let names = 0;

/** Returns a name that no package has. */
function newName(): string {
  names += 1;
  return `limited-${names}`;
}

async function newPublisher(registry: TestRegistry): Promise<Publisher> {
  return { client: await newAccount(registry), key: makeKey() };
}

function publish({ client, key }: Publisher, name = newName(), version = "1.0.0", query = ""): Promise<Answer> {
  const archive = makePackage({ name, version });
  const signature = signMessage(key, statementOf(name, version, archive));
  return client.post(`/api/packages${query}`, publishForm({ archive, signature, publicKey: key.publicHex }));
}

/**
 * Expects a status and the RateLimit headers: what is left of versions and of new names, and the
 * seconds until more is.
 */
function expectLeft(answer: Answer, status: number, versions: [left: number, seconds: number], fresh: typeof versions) {
  expect([answer.status, answer.headers.get("ratelimit"), answer.headers.get("ratelimit-policy")]).toEqual([
    status,
    `"versions";r=${versions[0]};t=${versions[1]}, "new-names";r=${fresh[0]};t=${fresh[1]}`,
    POLICY,
  ]);
}

function expectRefused(answer: Answer, policy: "versions" | "new-names", seconds: number): void {
  expectProblem(answer, 429, "publish_limit_reached");
  const quota = { versions: 5, "new-names": 3 }[policy];
  const fields = ["retry-after", "ratelimit", "ratelimit-policy"].map((field) => answer.headers.get(field));
  expect(fields).toEqual([String(seconds), `"${policy}";r=0;t=${seconds}`, `"${policy}";q=${quota};w=3600`]);
}

function pass(registry: TestRegistry, seconds: number): void {
  if (registry.now === undefined) throw new Error("The clock does not stand still");
  registry.now = new Date(registry.now.getTime() + seconds * 1_000);
}

onBothDatabases(
  "publish limits",
  (registry) => {
    beforeEach(() => {
      registry().now = new Date("2026-03-01T12:00:00.500Z");
    });

    test("refuse the fourth new name within an hour, leave nothing of it, and let versions through", async () => {
      const alice = await newPublisher(registry());
      const [first, second] = [newName(), newName()];
      expectLeft(await publish(alice, first), 201, [4, 3600], [2, 3600]);
      pass(registry(), 600);
      expectLeft(await publish(alice, second), 201, [3, 3000], [1, 3000]);
      pass(registry(), 0.25);
      expectLeft(await publish(alice), 201, [2, 3000], [0, 3000]);
      const before = await tracesOf(registry());
      expectRefused(await publish(alice), "new-names", 3000);
      expectRefused(await publish(alice, newName(), "1.0.0", "?dryRun=true"), "new-names", 3000);
      expect(await tracesOf(registry())).toEqual(before);
      expectLeft(await publish(alice, second, "1.1.0"), 201, [1, 3000], [0, 3000]);
      pass(registry(), 2999.749);
      expectRefused(await publish(alice), "new-names", 1);
      pass(registry(), 0.001);
      // The first has left the hour, the second leaves it 600 s later.
      expectLeft(await publish(alice), 201, [1, 600], [0, 600]);
      expectRefused(await publish(alice), "new-names", 600);
    });

    test("refuse the sixth version within an hour, of any package, until older ones leave the hour", async () => {
      const alice = await newPublisher(registry());
      const name = newName();
      for (const [at, version] of ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4"].entries()) {
        expectLeft(await publish(alice, name, version), 201, [4 - at, 3600 - 60 * at], [2, 3600 - 60 * at]);
        pass(registry(), 60);
      }
      expectRefused(await publish(alice, name, "1.0.5"), "versions", 3300);
      expectRefused(await publish(alice), "versions", 3300);
      pass(registry(), 3360);
      for (const version of ["1.0.5", "1.0.6"]) expect((await publish(alice, name, version)).status).toBe(201);
      expectRefused(await publish(alice, name, "1.0.7"), "versions", 60);
    });

    test("do not count dry runs, repeats and refused publishes", async () => {
      const alice = await newPublisher(registry());
      const name = newName();
      expectLeft(await publish(alice, name, "1.0.0", "?dryRun=true"), 200, [4, 3600], [2, 3600]);
      expect((await publish(alice, name)).status).toBe(201);
      for (let at = 0; at < 4; at += 1) {
        expectLeft(await publish(alice, name, "1.0.1", "?dryRun=true"), 200, [3, 3600], [2, 3600]);
        const repeated = await publish(alice, name);
        expect([repeated.status, repeated.headers.get("ratelimit")]).toEqual([200, null]);
        const stranger = { client: alice.client, key: makeKey() };
        expectProblem(await publish(stranger, newName()), 403, "key_not_trusted");
        const archive = makePackage({ name: newName(), version: "1.0.0" });
        const forged = await alice.client.publishFields({
          archive,
          signature: signMessage(alice.key, "something else"),
          publicKey: alice.key.publicHex,
        });
        expectProblem(forged, 400, "signature_invalid");
      }
      for (const left of [3, 2]) expectLeft(await publish(alice), 201, [left, 3600], [left - 2, 3600]);
      // A repeat of an earlier publish is answered as ever.
      for (let at = 0; at < 2; at += 1) await publish(alice, name, `1.0.${at + 1}`);
      expectRefused(await publish(alice, name, "1.0.3"), "versions", 3600);
      expect((await publish(alice, name, "1.0.2")).status).toBe(200);
    });

    test("do not count what a clock a year ahead published, and refuse the session that it opened", async () => {
      const alice = await newPublisher(registry());
      const name = newName();
      const { username } = (await alice.client.get("/api/auth/me")).body.user;
      pass(registry(), YEAR_SECONDS);
      const { body } = await alice.client.post("/api/auth/login", { username, password: PASSWORD });
      const ahead = new Client(registry().url, body.token);
      for (const patch of [0, 1, 2, 3, 4])
        expect((await publish({ ...alice, client: ahead }, name, `1.0.${patch}`)).status).toBe(201);
      expectRefused(await publish({ ...alice, client: ahead }, name, "1.0.5"), "versions", 3600);
      pass(registry(), -YEAR_SECONDS);
      expectProblem(await ahead.get("/api/auth/me"), 401, "unauthenticated");
      const again = await alice.client.post("/api/auth/login", { username, password: PASSWORD });
      const client = new Client(registry().url, again.body.token);
      expectLeft(await publish({ ...alice, client }, name, "1.0.5"), 201, [4, 3600], [3, 3600]);
    });

    test("wait no longer than an hour after a clock that was minutes ahead", async () => {
      const alice = await newPublisher(registry());
      const name = newName();
      pass(registry(), 300);
      for (const patch of [0, 1, 2, 3, 4]) expect((await publish(alice, name, `1.0.${patch}`)).status).toBe(201);
      pass(registry(), -300);
      expectRefused(await publish(alice, name, "1.0.5"), "versions", 3600);
    });

    test("apply to each account, whose API tokens share them", async () => {
      const [alice, bob] = [await newPublisher(registry()), await newPublisher(registry())];
      const scopes = ["publish-new", "publish-update"];
      const tokens = [await withToken(alice.client, scopes), await withToken(alice.client, scopes)];
      for (const client of [alice.client, ...tokens]) expect((await publish({ ...alice, client })).status).toBe(201);
      for (const client of [alice.client, ...tokens]) {
        expectRefused(await publish({ ...alice, client }), "new-names", 3600);
      }
      expectLeft(await publish(bob), 201, [4, 3600], [2, 3600]);
    });

    test("let three of ten simultaneous publishes through where three are left", async () => {
      const alice = await newPublisher(registry());
      const fresh = await Promise.all(Array.from({ length: 10 }, () => publish(alice)));
      expect(fresh.filter(({ status }) => status === 201)).toHaveLength(3);
      for (const answer of fresh) if (answer.status !== 201) expectRefused(answer, "new-names", 3600);
      const bob = await newPublisher(registry());
      const name = newName();
      for (const version of ["1.0.0", "1.0.1"]) expect((await publish(bob, name, version)).status).toBe(201);
      const later = await Promise.all(Array.from({ length: 10 }, (_, at) => publish(bob, name, `2.0.${at}`)));
      expect(later.filter(({ status }) => status === 201)).toHaveLength(3);
      for (const answer of later) if (answer.status !== 201) expectRefused(answer, "versions", 3600);
    });

    test("never block simultaneous first publishes of one package and of others", async () => {
      const alice = await newPublisher(registry());
      const name = newName();
      const answers = await Promise.all([
        ...Array.from({ length: 8 }, (_, at) => publish(alice, name, `1.0.${at}`)),
        ...Array.from({ length: 4 }, () => publish(alice)),
      ]);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
      for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 429, "publish_limit_reached");
    });
  },
  { env: { PUBLISH_NEW_NAMES_PER_HOUR: "3", PUBLISH_VERSIONS_PER_HOUR: "5" } },
);

onBothDatabases(
  "a registry with PUBLISH_LIMITS=off",
  (registry) => {
    test("refuses no publish and sends no RateLimit headers", async () => {
      const alice = await newPublisher(registry());
      for (let at = 0; at < 3; at += 1) {
        const answer = await publish(alice);
        const said = ["ratelimit", "ratelimit-policy", "retry-after"].map((field) => answer.headers.get(field));
        expect([answer.status, ...said]).toEqual([201, null, null, null]);
      }
    });
  },
  { env: { PUBLISH_LIMITS: "off", PUBLISH_NEW_NAMES_PER_HOUR: "1", PUBLISH_VERSIONS_PER_HOUR: "1" } },
);
