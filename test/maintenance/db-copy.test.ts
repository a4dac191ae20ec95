import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client } from "../support/client.ts";
import { type Place, whileRunning, withPlaces } from "../support/places.ts";
import { switchReadOnly } from "../support/read-only.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { eventsAreFinal } from "../support/roles.ts";
import { expectAnswers, type Seen, seenBy } from "../support/same-registry.ts";
import { fillVaried } from "../support/varied-registry.ts";

/* `db copy`: another database under the same registry. */

const copy = (from: Place, to: Place, ...more: string[]) =>
  from.run("db", "copy", "--from", from.databaseName, "--to", to.databaseName, ...more);

describe.each<[DatabaseKind, DatabaseKind]>([
  ["sqlite", "postgres"],
  ["postgres", "sqlite"],
])("db copy from %s to %s", (source, target) => {
  test("every answer stays the same to the byte, and the registry goes on from there", () =>
    withPlaces(
      [
        [source, "files"],
        [target, "files"],
      ],
      async (from, to) => {
        const varied = await whileRunning(from, fillVaried, "counting downloads");
        const before = await whileRunning(from, (registry) => seenBy(registry, varied));
        expect(before.size).toBeGreaterThan(100);
        expect([...before.values()].filter(({ status }) => status === 200).length).toBeGreaterThan(90);
        const { exitCode, stdout, stderr } = await copy(from, to, "--json");
        expect([stderr, exitCode]).toEqual(["", 0]);
        expect(JSON.parse(stdout)).toMatchObject({ from: source, to: target, packages: 5, versions: 11 });
        if (to.databaseUrl !== undefined) expect(await schemaOf(to.databaseUrl)).toEqual(await freshSchema());
        cpSync(join(from.dataDir, "packages"), join(to.dataDir, "packages"), { recursive: true });
        await whileRunning(to, async (registry) => {
          await expectAnswers(registry, before, varied);
          const alice = new Client(registry.url, varied.alice.token, varied.alice.username);
          expect((await alice.get("/api/auth/me")).status).toBe(200);
          const archive = makePackage({ name: "later", version: "1.0.0" });
          const published = await alice.publish("later", "1.0.0", archive, varied.key);
          expect([published.status, published.body.logIndex]).toEqual([201, sizeIn(before)]);
          await eventsAreFinal(registry);
          const admin = new Client(registry.url, varied.admin.token);
          const last = lastEventIn(before);
          const { items } = (await admin.get(`/api/events?after=${last}`)).body;
          expect(items.map(({ kind }: { kind: string }) => kind)).toContain("version.published");
          expect(items.every(({ id }: { id: number }) => id > last)).toBe(true);
        });
        const again = await copy(from, to);
        expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("was copied to")]);
        expect((await to.run("fsck")).exitCode).toBe(0);
      },
    ));
});

describe.each<[DatabaseKind, DatabaseKind]>([
  ["sqlite", "postgres"],
  ["postgres", "sqlite"],
])("a database that was copied from %s to %s", (source, target) => {
  test("is refused by starts and commands until its operator gives the copy up, and the copy is not", () =>
    withPlaces(
      [
        [source, "files"],
        [target, "files"],
      ],
      async (from, to) => {
        await whileRunning(from, async () => undefined);
        const done = await copy(from, to);
        expect([done.stderr, done.exitCode]).toEqual(["", 0]);
        expect(done.stdout).toContain("The old database is marked as moved");
        for (const key of ["JWT_KEY", "jwt.key", "LOG_SIGNING_KEY", "log.key"]) expect(done.stdout).toContain(key);
        if (target === "sqlite") expect(done.stdout).toContain(` ${to.dataDir}, with mode 0600`);
        const backup = join(from.dataDir, "backup");
        const another = join(from.dataDir, "another.db");
        const commands = [
          ["serve"],
          ["backup", "create", backup],
          ["gc"],
          ["admin", "read-only", "off"],
          ["db", "copy", "--from", from.databaseName, "--to", another],
        ];
        for (const command of commands) {
          const { exitCode, stderr } = await from.run(...command);
          const reason = expect.stringContaining(`this database was copied to ${nameIn(to)}`);
          expect([...command, exitCode, stderr]).toEqual([...command, 1, reason]);
          expect(stderr).not.toContain("postgres://");
        }
        expect([existsSync(backup), existsSync(another)]).toEqual([false, false]);
        await whileRunning(to, async (registry) => expect(registry.deps.readOnly.cause).toBeUndefined());
        expect((await from.run("admin", "read-only", "off", "--yes")).stdout).toContain("writable again");
        await whileRunning(from, async (registry) => expect(registry.deps.readOnly.cause).toBeUndefined());
      },
    ));
});

/** How messages name the database of a place. */
function nameIn({ databaseUrl, databaseName }: Place): string {
  return databaseUrl === undefined ? databaseName : `the Postgres database ${new URL(databaseUrl).pathname.slice(1)}`;
}

/** Returns the definitions of all indexes and constraints, in order. */
async function schemaOf(url: string): Promise<string[]> {
  const client = new Bun.SQL(url);
  try {
    const rows = await client`
      SELECT indexdef AS text FROM pg_indexes WHERE schemaname = 'public'
      UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || convalidated || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1`;
    return rows.map(({ text }: { text: string }) => text);
  } finally {
    await client.end();
  }
}

/** The schema of a Postgres that was only migrated. */
function freshSchema(): Promise<string[]> {
  return withPlaces([["postgres", "files"]], async (place) => {
    expect((await place.run("migrate")).exitCode).toBe(0);
    return schemaOf(place.databaseUrl ?? "");
  });
}

const sizeIn = (seen: Seen) => Number(seen.get("/log/checkpoint")?.text.split("\n")[1]);
const lastEventIn = (seen: Seen) => JSON.parse(seen.get("/api/events")?.text ?? "").next;

describe("db copy refuses", () => {
  test("a registry that runs and may write, and copies it once it is read-only and settled", () =>
    withPlaces(
      [
        ["sqlite", "files"],
        ["postgres", "files"],
      ],
      (from, to) =>
        whileRunning(from, async (registry) => {
          const refused = await copy(from, to);
          expect([refused.exitCode, refused.stderr]).toEqual([
            1,
            expect.stringContaining("a registry runs on the database of --from. Stop it on every machine, or run"),
          ]);
          registry.now = new Date(Date.now() - 60_000);
          await switchReadOnly(registry, "moving");
          const done = await copy(from, to);
          expect([done.stderr, done.exitCode]).toEqual(["", 0]);
          expect(done.stdout).toContain("admin read-only off");
          // It still serves reads, for the reason that its operator gave.
          const { readOnly } = (await new Client(registry.url).get("/health")).body;
          expect(readOnly).toMatchObject({ cause: "operator", reason: "moving" });
        }),
    ));

  test("a database that is no place for it, or not to be read, with the reason", () =>
    withPlaces([["sqlite", "files"]], async (from) => {
      const refusal = async (...args: string[]) => {
        const { exitCode, stderr } = await from.run("db", "copy", ...args);
        return `${exitCode} ${stderr}`;
      };
      const [own, other] = [from.databaseName, join(from.dataDir, "other.db")];
      expect(await refusal("--from", own, "--to", other)).toContain(
        "1 cpm-registry db copy failed: There is no database",
      );
      await whileRunning(from, async () => undefined);
      expect(await refusal("--from", own, "--to", from.dataDir)).toMatch(/^64 .*same database/);
      expect(await refusal("--from", own, "--to", "nothing")).toContain("--to is not a database. Use postgres://");
      const wrong = await refusal("--from", own, "--to", "postgres://u:s3cret@127.0.0.1:99999/x");
      expect(wrong).toContain("its port is not a number");
      expect(wrong).not.toContain("s3cret");
      const nobody = await refusal("--from", own, "--to", "postgres://u:s3cret@127.0.0.1:1/x");
      expect(nobody).toMatch(/^1 /);
      expect(nobody).not.toContain("s3cret");
      writeFileSync(`${other}-wal`, "");
      expect(await refusal("--from", own, "--to", other)).toContain(`there is a file ${other}-wal already`);
      rmSync(`${other}-wal`);
      expect((await from.run("db", "copy", "--from", own, "--to", other)).exitCode).toBe(0);
      expect([
        statSync(other).mode & 0o777,
        readdirSync(from.dataDir).filter((name) => name.startsWith("other")),
      ]).toEqual([0o600, ["other.db"]]);
    }));
});
