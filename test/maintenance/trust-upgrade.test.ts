import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { migrate } from "../../src/db/migrate.ts";
import { skeletonOf } from "../../src/domain/similar-names.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { migrateBefore, type OldDatabase, oldDatabase } from "./old-database.ts";

/* Tests the migration 0003_trust on a database from before keys were pinned. */

const TRUST = "0003_trust";
const BEFORE_TRUST = ["0000_first_circle", "0001_search", "0002_blob_removals"];
const [KEY_A, KEY_B, KEY_C] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)];

const TRICKY = [
  ...["s", "ss", "sss", "0", "1", "i", "l", "o", "rn", "r-n", "m", "rrn", "rnn", "rnrn", "r1n", "rni", "ir-n", "0rn0"],
  ...["s-s", "a-s-s", "a.s1", "s1s", "1s", "0s", "learn-tools", "leam_too1s", "class", "ni", "n-i-l", "m-r-n.s"],
];
/** Names of the characters that the skeleton rule maps, and a few more. */
const names = fc
  .stringMatching(/^[rnmi1l0osa]+(?:[-_.][rnmi1l0osa]+)*$/, { maxLength: 64 })
  .filter((name) => name.length >= 1);

/** Each name once by its folded form, because the registry stores no two of one form. */
function manyNames(): string[] {
  const byFolded = new Map([...TRICKY, ...fc.sample(names, 1_500)].map((name) => [name.replace(/[_.]/g, "-"), name]));
  return [...byFolded.values()];
}

const YANKS = [
  [1, null, null],
  [2, "broken", null],
  [3, "security", "CVE-2026-1"],
  [4, "renamed", null],
  [5, "other", "no idea"],
  [6, "it does not start", null],
  [7, "Broken", "see issue 5"],
  [8, null, "only a message"],
] as const;

describe.each<DatabaseKind>(["sqlite", "postgres"])("the upgrade to pinned keys (%s)", (kind) => {
  let database: OldDatabase;
  const stored = manyNames();
  const at = (seconds: number) => (kind === "sqlite" ? `${seconds * 1_000}` : `to_timestamp(${seconds})`);
  const [yes, no] = kind === "sqlite" ? ["1", "0"] : ["true", "false"];
  const secondsOf = (value: unknown) => new Date(value as number | Date).getTime() / 1_000;
  const text = (value: string | null) => (value === null ? "NULL" : `'${value}'`);

  const insertUser = (id: string) =>
    database.run(
      `INSERT INTO users (id, username, username_folded, email, email_folded, password_hash, role, created_at)
       VALUES ('${id}', '${id}', '${id}', '${id}@x', '${id}@x', 'x', 'user', ${at(1)})`,
    );
  const insertPackage = (id: number, name: string) =>
    database.run(
      `INSERT INTO packages (id, name, name_folded, description, tags, listed, downloads, created_at, updated_at)
       VALUES (${id}, '${name}', '${name.replace(/[_.]/g, "-")}', '', '[]', ${id % 2 === 0 ? yes : no}, 5, ${at(1)}, ${at(1)})`,
    );
  const insertVersion = (
    packageId: number,
    version: string,
    signed: { readonly by: string; readonly key: string; readonly seconds: number },
    [reason, message]: readonly [string | null, string | null] = [null, null],
  ) =>
    database.run(
      `INSERT INTO versions (package_id, version, version_key, sha256, size, manifest, warnings, signature_scheme, public_key,
         signature, published_by, published_at, yanked_at, yank_reason, yank_message, downloads)
       VALUES (${packageId}, '${version}', '${version}', '${"0".repeat(64)}', 1, '{}', '[]', 'cpm-v1', '${signed.key}',
         'x', '${signed.by}', ${at(signed.seconds)}, NULL, ${text(reason)}, ${text(message)}, 0)`,
    );

  async function makeOld(): Promise<void> {
    await migrateBefore(database, TRUST);
    for (const id of ["ann", "ben", "cyd"]) await insertUser(id);
    for (const [index, name] of stored.entries()) await insertPackage(index + 1, name);
    await insertVersion(1, "1.0.0", { by: "ann", key: KEY_A, seconds: 30 });
    await insertVersion(1, "2.0.0", { by: "ann", key: KEY_A, seconds: 20 });
    await insertVersion(1, "3.0.0", { by: "ben", key: KEY_B, seconds: 40 });
    await insertVersion(2, "1.0.0", { by: "ann", key: KEY_C, seconds: 50 });
    for (const [id, reason, message] of YANKS) {
      await insertVersion(3, `${id}.0.0`, { by: "ben", key: KEY_A, seconds: 60 + id }, [reason, message]);
    }
  }

  beforeAll(async () => {
    database = await oldDatabase(kind);
    await makeOld();
    const { pending } = await migrate(database.config);
    expect(pending).toContain(TRUST);
    for (const before of BEFORE_TRUST) expect(pending).not.toContain(before);
  });
  afterAll(() => database.close());

  test("the upgrade pins every key that signed a version to its package, since the first such version", async () => {
    const rows = await database.rows("SELECT * FROM package_keys ORDER BY package_id, public_key");
    expect(rows.map((row) => [Number(row.package_id), row.public_key, row.status, secondsOf(row.added_at)])).toEqual([
      [1, KEY_A, "active", 20],
      [1, KEY_B, "active", 40],
      [2, KEY_C, "active", 50],
      [3, KEY_A, "active", 61],
    ]);
    expect(rows.every((row) => row.ended_at === null && row.compromised_since === null)).toBe(true);
  });

  test("the upgrade gives each account the keys that it published with, and no other", async () => {
    const rows = await database.rows("SELECT * FROM account_keys ORDER BY user_id, public_key");
    expect(rows.map((row) => [row.user_id, row.public_key, secondsOf(row.created_at), row.retired_at])).toEqual([
      ["ann", KEY_A, 20, null],
      ["ann", KEY_C, 50, null],
      ["ben", KEY_A, 61, null],
      ["ben", KEY_B, 40, null],
    ]);
  });

  test("the upgrade computes the same skeleton of every name as skeletonOf", async () => {
    const rows = await database.rows("SELECT name, name_skeleton FROM packages");
    expect(rows).toHaveLength(stored.length);
    const differing = rows.filter(({ name, name_skeleton }) => name_skeleton !== skeletonOf(String(name)));
    expect(differing).toEqual([]);
  });

  test("a yank reason that is none of the four becomes the message of the yank", async () => {
    const rows = await database.rows(
      "SELECT yank_reason, yank_message FROM versions WHERE package_id = 3 ORDER BY published_at",
    );
    expect(rows.map((row) => [row.yank_reason, row.yank_message])).toEqual([
      [null, null],
      ["broken", null],
      ["security", "CVE-2026-1"],
      ["renamed", null],
      ["other", "no idea"],
      ["other", "it does not start"],
      ["other", "Broken: see issue 5"],
      [null, "only a message"],
    ]);
  });

  test("the upgrade leaves packages active, not quarantined and without key changes, and runs once", async () => {
    const [row] = await database.rows(
      "SELECT count(*) AS n FROM packages WHERE status = 'active' AND quarantined_at IS NULL",
    );
    expect(Number(row?.n)).toBe(stored.length);
    const [compromised] = await database.rows(`SELECT count(*) AS n FROM versions WHERE key_compromised = ${yes}`);
    expect(Number(compromised?.n)).toBe(0);
    expect(await database.rows("SELECT * FROM package_key_changes")).toEqual([]);
    expect((await migrate(database.config)).pending).toEqual([]);
  });
});
