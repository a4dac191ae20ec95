import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { getTableColumns } from "drizzle-orm";
import type { DbSession } from "../../src/db/database.ts";
import { type Answer, expectProblem } from "../support/client.ts";
import { startRegistry } from "../support/registry.ts";
import { ROLE_NAMES, ROLES, World } from "./permission-roles.ts";
import { BODIES, methodOf, namedRows, type Row } from "./permission-row.ts";
import { ROWS } from "./permission-rows.ts";

/* Every JSON write gets the name of every column of every table as fields that it does not have. */

const TEXT = "mass-assigned";
const NUMBER = 987_654_321;
const TIME = "2001-02-03T04:05:06Z";
/** Routes that refuse unknown fields, because a misspelled field would do lasting harm. */
const STRICT = ["POST /api/auth/logout", "DELETE /api/packages/{name}/keys/{keyId}"];

/** Returns a value that an attacker would send for a column. */
function valueFor({ dataType, enumValues }: { readonly dataType: string; readonly enumValues?: string[] | undefined }) {
  if (enumValues !== undefined && enumValues.length > 0) return enumValues.at(-1);
  return { boolean: true, number: NUMBER, date: TIME }[dataType] ?? TEXT;
}

/** The names of all columns, in both spellings, with values. */
function valuesFor(tables: DbSession["tables"]): Record<string, unknown> {
  const columns = Object.values(tables).flatMap((table) => Object.entries(getTableColumns(table)));
  return Object.fromEntries(
    columns.flatMap(([key, column]) => [key, column.name].map((name) => [name, valueFor(column)])),
  );
}

/**
 * Everything that is stored, as text, and how often each column is null, true, or one of its words.
 * Tables of the log are not counted, because the number of their rows depends on its size.
 */
async function dump({ registry: { deps } }: World) {
  return deps.db.read(async ({ query, tables }) => {
    const counts = new Map<string, number>();
    const texts: string[] = [];
    for (const [of, table] of Object.entries(tables)) {
      const rows: Record<string, unknown>[] = await query.select().from(table);
      texts.push(JSON.stringify(rows));
      if (of.startsWith("log")) continue;
      const columns = Object.entries(getTableColumns(table));
      for (const row of rows) {
        for (const [key, { enumValues, dataType }] of columns) {
          const value = row[key];
          const isWord = value === null || dataType === "boolean" || (enumValues?.length ?? 0) > 0;
          const counted = `${of}.${key} ${isWord ? value : "has a value"}`;
          counts.set(counted, (counts.get(counted) ?? 0) + 1);
        }
      }
    }
    return { counts, text: texts.join("\n") };
  });
}

type Dump = Awaited<ReturnType<typeof dump>>;

/** What a request added and took away. */
function differenceOf({ counts: before }: Dump, { counts: after }: Dump): Record<string, number> {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const differences = names.map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, difference]) => difference !== 0));
}

/** Sends the request of a row as the first role that may, with further fields. */
async function ask(world: World, row: Row, further: object) {
  await world.renew();
  const role = ROLE_NAMES.find((name) => typeof row.results[name] === "number" && !("scopes" in ROLES[name]));
  if (role === undefined) throw new Error(`Nobody may ${row.operation}`);
  const asked = await (await row.prepare(world))(world.person(ROLES[role].person));
  const before = await dump(world);
  const answer: Answer = await world.as(role).send(methodOf(row), asked.path, { ...further, ...asked.body });
  const after = await dump(world);
  return { answer, difference: differenceOf(before, after), text: after.text, expected: row.results[role] };
}

const fieldsOf = ({ operation }: Row) => BODIES.get(operation)?.fields ?? [];
const WRITES = ROWS.filter(({ operation }) => BODIES.get(operation)?.isJson === true);

test("the table of permissions has every write with a JSON body", () => {
  const tested = new Set(WRITES.map(({ operation }) => operation));
  const described = [...BODIES].filter(([, { isJson }]) => isJson).map(([operation]) => operation);
  expect([...tested].sort()).toEqual(described.sort());
  for (const row of WRITES) expect(fieldsOf(row)).not.toEqual([]);
});

describe.each(["sqlite", "postgres"] as const)("a JSON write on %s with the names of columns as fields", (kind) => {
  let world: World;

  beforeAll(async () => {
    world = await World.open(await startRegistry(kind, { env: { PUBLISH_LIMITS: "off" } }));
  });
  afterAll(() => world.registry.stop());

  test.each(namedRows(WRITES))("%s does what it does without them", async (_, row) => {
    // The first request of a row also removes what expired, which the next ones do not.
    if (!STRICT.includes(row.operation)) await ask(world, row, {});
    const all = await world.registry.deps.db.read(async ({ tables }) => valuesFor(tables));
    const further = Object.fromEntries(Object.entries(all).filter(([name]) => !fieldsOf(row).includes(name)));
    expect(Object.keys(further).length).toBeGreaterThan(100);
    const attacked = await ask(world, row, further);
    for (const value of [TEXT, NUMBER, TIME.slice(0, -1)]) expect(attacked.text).not.toContain(String(value));
    if (STRICT.includes(row.operation)) {
      expectProblem(attacked.answer, 422, "validation_failed");
      expect(attacked.difference).toEqual({});
      return;
    }
    const { status } = attacked.answer;
    expect<unknown>([status, attacked.answer.text]).toEqual([attacked.expected, attacked.answer.text]);
    const plain = await ask(world, row, {});
    expect(attacked.difference).toEqual(plain.difference);
  });
});
