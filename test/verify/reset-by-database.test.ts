import { afterAll, beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { cancelByKey, register, resetTo } from "../support/key-statements.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { Verifier } from "./scene.ts";

/*
 * What somebody with the database and patience can do (docs/security-model.md): a reset that nobody
 * can cancel. It is by the rules of the log, so `verify` and `log audit` pass, and must tell of it.
 */

const HOUR_MS = 60 * 60_000;
const START = Date.now() - 74 * HOUR_MS;
let registry: TestRegistry;
let person: Verifier;

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  registry.now = new Date(START);
  person = await Verifier.make();
});
afterAll(async () => {
  await person.remove();
  await registry.stop();
});

/** Makes an account the only owner of every package, and removes the keys that could cancel. */
async function takeOver({ username }: Client): Promise<void> {
  await registry.deps.db.write(async ({ query, tables: { packages, packageOwners, packageKeys, users } }) => {
    const [user] = await query.select({ id: users.id }).from(users).where(eq(users.username, username));
    const [row] = await query.select({ id: packages.id }).from(packages);
    if (user === undefined || row === undefined) throw new Error("The scene is not set up");
    await query.delete(packageOwners);
    await query.delete(packageKeys);
    await query.insert(packageOwners).values({ packageId: row.id, userId: user.id, createdAt: new Date() });
  });
}

async function loggedIn({ username }: Client): Promise<Client> {
  const { body } = await new Client(registry.url).post("/api/auth/login", { username, password: PASSWORD });
  return new Client(registry.url, body.token, username);
}

test("a reset that the database's owner waited for is told to users who saw the package before, and to auditors", async () => {
  const [alice, mallory] = [await newAccount(registry, "alice"), await newAccount(registry, "mallory")];
  const [key, theirs] = [makeKey(), makeKey()];
  const archives = ["1.0.0", "2.0.0"].map((version) => makePackage({ name: "hello", version }));
  const [first = Buffer.of(), second = Buffer.of()] = archives;
  expect((await alice.publish("hello", "1.0.0", first, key)).status).toBe(201);
  const ask = async (archive: Uint8Array) => {
    const file = await person.file("a.cpm", archive);
    const { answer } = await person.ask("verify", file, "--registry", registry.url);
    const { result, detail } = answer.checks.find(({ check }: { check: string }) => check === "history");
    return [answer.verified, result, detail];
  };
  const audit = async () => (await person.ask("log", "audit", "--registry", registry.url)).answer;
  expect((await ask(first))[0]).toBe(true);
  // What the user saw was before the reset.
  const file = Bun.file(`${person.home}/.cpm/known-keys.json`);
  await file.write((await file.text()).replace(/"seenAt":"[^"]*"/, `"seenAt":"${new Date(START).toISOString()}"`));
  await registerAndReset(mallory, theirs);
  expect((await (await loggedIn(alice)).send("DELETE", "/api/packages/hello/keys/reset")).status).toBe(403);
  expect((await cancelByKey(alice, "hello", theirs, { by: key })).status).toBe(400);
  registry.now = new Date(START + 73 * HOUR_MS);
  expect((await (await loggedIn(mallory)).publish("hello", "2.0.0", second, theirs)).status).toBe(201);
  expect(await ask(second)).toEqual([true, "warning", expect.stringContaining("that no earlier key signed")]);
  const { verified, checks } = await audit();
  expect(verified).toBe(true);
  expect(checks.find(({ check }: { check: string }) => check === "resets")).toMatchObject({
    result: "warning",
    detail: expect.stringContaining("1 reset of keys that no earlier key signed: hello on"),
  });
});

async function registerAndReset(mallory: Client, key: ReturnType<typeof makeKey>): Promise<void> {
  expect((await register(mallory, key)).status).toBe(201);
  await takeOver(mallory);
  expect((await resetTo(mallory, "hello", key)).status).toBe(200);
}
