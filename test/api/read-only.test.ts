import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { setReadOnly } from "../../src/log/read-only.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { scrape } from "../support/metrics.ts";
import { switchReadOnly } from "../support/read-only.ts";
import { onBothDatabases, startRegistry } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";

const key = makeKey();
const publish = (by: Client, name: string) => by.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);

onBothDatabases("a registry that its operator made read-only", (registry) => {
  test("a session and a token that exist read on, logins and changes are refused, and health shows the reason", async () => {
    const alice = await newAccount(registry(), "reads");
    const token = await withToken(alice, ["read"]);
    expect((await publish(alice, "stays")).status).toBe(201);
    await switchReadOnly(registry(), "it is being moved");
    for (const reader of [alice, token]) expect((await reader.get("/api/auth/me")).status).toBe(200);
    expect((await token.get("/api/packages/stays/1.0.0/download")).status).toBe(200);
    for (const answer of [
      await new Client(registry().url).post("/api/auth/login", { username: alice.username, password: PASSWORD }),
      await alice.post("/api/auth/logout"),
      await publish(alice, "refused"),
    ]) {
      expectProblem(answer, 503, "read_only");
      expect(answer.body.detail).toStartWith("This registry is read-only now: it is being moved. ");
      expect(answer.headers.get("retry-after")).toBeNull();
    }
    const health = await alice.get("/health");
    const since = expect.stringMatching(/^\d{4}-.*Z$/);
    expect([health.status, health.body.status]).toEqual([200, "ok"]);
    expect(health.body.readOnly).toEqual({ cause: "operator", reason: "it is being moved", since });
    await switchReadOnly(registry(), undefined);
    expect((await alice.get("/health")).body.readOnly).toBeUndefined();
    expect((await publish(alice, "refused")).status).toBe(201);
  });

  test("an unknown address and a wrong method are answered as ever", async () => {
    await switchReadOnly(registry(), "for a while");
    const guest = new Client(registry().url);
    expectProblem(await guest.post("/api/nothing/here/at/all"), 404, "route_not_found");
    expectProblem(await guest.post("/health"), 405, "method_not_allowed");
    await switchReadOnly(registry(), undefined);
  });

  test("downloads are counted in memory and written once the registry is writable again", async () => {
    const alice = await newAccount(registry(), "counts");
    expect((await publish(alice, "counted")).status).toBe(201);
    const { downloads, db } = registry().deps;
    const counted = async () => {
      const [row] = await db.read(({ query, tables: { packages } }) =>
        query.select().from(packages).where(eq(packages.name, "counted")),
      );
      return row?.downloads;
    };
    await switchReadOnly(registry(), "for a while");
    expect((await alice.get("/api/packages/counted/1.0.0/download")).status).toBe(200);
    await downloads.flush();
    expect(await counted()).toBe(0);
    await switchReadOnly(registry(), undefined);
    await downloads.flush();
    expect(await counted()).toBe(1);
  });

  test("a token's last use is not written", async () => {
    const alice = await newAccount(registry(), "token-use");
    const token = await withToken(alice, ["read"]);
    await switchReadOnly(registry(), "for a while");
    expect((await token.get("/api/auth/me")).status).toBe(200);
    const [listed] = (await alice.get("/api/auth/tokens")).body.items;
    expect(listed.lastUsedAt).toBeNull();
    await switchReadOnly(registry(), undefined);
  });

  test("a change that began before appends no leaf after the registry became read-only", async () => {
    const { db, log } = registry().deps;
    await setReadOnly(registry().deps, "meanwhile");
    const append = db.write((session) => log.append(session, ["a leaf"]));
    expect(append).rejects.toThrow("read_only");
    await append.catch(() => undefined);
    await switchReadOnly(registry(), undefined);
  });

  test("another server follows within a second, and starts in the same mode", async () => {
    const other = await openDeps(registry().deps.config);
    await switchReadOnly(registry(), "for all");
    await waitUntil(() => other.readOnly.refusesWrites, "the other server follows");
    const late = await openDeps(registry().deps.config);
    expect(late.readOnly.cause?.reason).toBe("for all");
    await switchReadOnly(registry(), undefined);
    await waitUntil(() => !other.readOnly.refusesWrites && !late.readOnly.refusesWrites, "both follow");
    await closeDeps(other);
    await closeDeps(late);
  });

  test("another reason replaces the first and keeps its time, and each change is an event", async () => {
    const first = await setReadOnly(registry().deps, "one");
    const again = await setReadOnly(registry().deps, "one");
    const second = await setReadOnly(registry().deps, "two");
    expect([first.changed, again.changed, second.changed]).toEqual([true, false, true]);
    expect(second.since).toEqual(first.since);
    await switchReadOnly(registry(), undefined);
    const kinds = await registry().deps.db.read(({ query, tables: { events } }) =>
      query.select({ kind: events.kind, details: events.details }).from(events),
    );
    expect(kinds.filter(({ kind }) => kind.startsWith("registry.")).slice(-3)).toEqual([
      { kind: "registry.read_only", details: { reason: "one" } },
      { kind: "registry.read_only", details: { reason: "two" } },
      { kind: "registry.writable", details: {} },
    ]);
  });
});

test("a server with READ_ONLY=true refuses every change, and says in health that its settings do", async () => {
  const registry = await startRegistry("sqlite", { env: { READ_ONLY: "true", CORS_ORIGINS: "https://page.example" } });
  const guest = new Client(registry.url);
  const account = { username: "alice", email: "a@example.org", password: PASSWORD };
  const answer = await guest.post("/api/auth/register", account, { origin: "https://page.example" });
  expectProblem(answer, 503, "read_only");
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://page.example");
  const { status, body } = await guest.get("/health/ready");
  expect([status, body.readOnly]).toEqual([200, { cause: "setting", reason: "its operator set READ_ONLY" }]);
  const causes = [...(await scrape(registry.url))].filter(([series]) => series.startsWith("cpm_registry_read_only"));
  expect(causes.filter(([, value]) => value === 1)).toEqual([['cpm_registry_read_only{cause="setting"}', 1]]);
  await registry.stop();
});
