import { Column, fillPlaceholders, getTableColumns, is, type Query, Table } from "drizzle-orm";
import type { DbSession, SqlValue, Tables } from "./database.ts";

/** A query of Drizzle that gives rows, with `sql.placeholder` where parameters go. */
type Select<Row> = PromiseLike<Row[]> & {
  toSQL(): Query;
  readonly _: { readonly selectedFields: unknown };
};

interface Field {
  readonly path: readonly string[];
  /** Undefined where the driver already gives what the column means. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}

interface Prepared {
  readonly sql: string;
  readonly params: unknown[];
  readonly fields: readonly Field[];
}

function fieldsOf(selected: unknown, path: readonly string[] = []): Field[] {
  if (is(selected, Column)) {
    const isPlain = selected.mapFromDriverValue === Column.prototype.mapFromDriverValue;
    return [{ path, decode: isPlain ? undefined : (value) => selected.mapFromDriverValue(value) }];
  }
  const members = is(selected, Table) ? getTableColumns(selected) : selected;
  if (typeof members !== "object" || members === null) throw new Error("A statement selects columns only");
  return Object.entries(members).flatMap(([name, member]) => fieldsOf(member, [...path, name]));
}

function rowOf(values: readonly unknown[], fields: readonly Field[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let at = 0; at < fields.length; at += 1) {
    const { path: [first = "", second] = [], decode } = fields[at] ?? { decode: undefined };
    const value = values[at] ?? null;
    const decoded = value === null || decode === undefined ? value : decode(value);
    if (second === undefined) row[first] = decoded;
    else {
      row[first] ??= {};
      (row[first] as Record<string, unknown>)[second] = decoded;
    }
  }
  return row;
}

function sqlValue(value: unknown): SqlValue {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new Error("A parameter is neither a text nor a number");
}

/**
 * A select that is put together once and not at every call: for the busiest reads, Drizzle takes longer for that, and for
 * making rows of what comes back, than the database for its answer. `build` selects columns or tables, joined inner.
 */
export function statement<Params extends Record<string, SqlValue>, Row>(
  build: (session: Pick<DbSession, "query" | "tables">) => Select<Row>,
): (session: DbSession, params: Params) => Promise<Row[]> {
  const prepared = new WeakMap<Tables, Prepared>();
  return async (session, params) => {
    let known = prepared.get(session.tables);
    if (known === undefined) {
      const query = build(session);
      known = { ...query.toSQL(), fields: fieldsOf(query._.selectedFields) };
      prepared.set(session.tables, known);
    }
    const { sql, params: places, fields } = known;
    const found = await session.values(sql, fillPlaceholders(places, params).map(sqlValue));
    return found.map((values) => rowOf(values, fields) as Row);
  };
}
