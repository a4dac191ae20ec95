import { Column, getTableColumns, is, Param, Placeholder, type Query, SQL, sql, Table } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import type { Database, DbSession, SqlValue, Tables } from "./database.ts";

/** A query of Drizzle that gives rows, with `sql.placeholder` where parameters go. */
type Select<Row> = PromiseLike<Row[]> & {
  toSQL(): Query;
  readonly _: { readonly selectedFields: unknown };
};

/** An insert, update or delete of Drizzle with placeholders. */
interface Change {
  toSQL(): Query;
}

/** What is known of a statement's parameters. */
type Params = Readonly<Record<string, unknown>>;

/** Runs a statement with its parameters. */
type Run<P extends Params, Row> = (session: DbSession, params: P) => Promise<Row[]>;

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

/** What makes its meaning of a driver's value; of an expression, `mapWith` said, which its type does not tell. */
function decoderOf(selected: Column | SQL): Field["decode"] {
  const decoder: unknown = is(selected, Column) ? selected : Reflect.get(selected, "decoder");
  const decode: unknown = Reflect.get(Object(decoder), "mapFromDriverValue");
  if (typeof decode !== "function") throw new Error("A statement selects an expression that nothing decodes");
  return decode === Column.prototype.mapFromDriverValue ? undefined : (value) => decode.call(decoder, value);
}

function fieldsOf(selected: unknown, path: readonly string[] = []): Field[] {
  if (is(selected, Column) || is(selected, SQL)) return [{ path, decode: decoderOf(selected) }];
  const members = is(selected, Table) ? getTableColumns(selected) : selected;
  if (typeof members !== "object" || members === null)
    throw new Error("A statement selects columns and expressions only");
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
  if (typeof value === "boolean" || value instanceof Uint8Array) return value;
  throw new Error("A parameter is none that a driver takes");
}

/** The value that goes where a placeholder is, in the driver's form where Drizzle knows of which column it is. */
function filled(place: unknown, params: Params): SqlValue {
  const placeholder = is(place, Param) ? place.value : place;
  if (!is(placeholder, Placeholder)) return sqlValue(place);
  const value = params[placeholder.name];
  return sqlValue(is(place, Param) && value !== null ? place.encoder.mapToDriverValue(value) : value);
}

function prepared<P extends Params, Row>(
  build: (session: Pick<DbSession, "query" | "tables">) => Omit<Prepared, "fields"> & { readonly selected: unknown },
): Run<P, Row> {
  const preparedFor = new WeakMap<Tables, Prepared>();
  return async (session, params) => {
    let known = preparedFor.get(session.tables);
    if (known === undefined) {
      const { selected, ...query } = build(session);
      known = { ...query, fields: fieldsOf(selected) };
      preparedFor.set(session.tables, known);
    }
    const { sql: text, params: places, fields } = known;
    const found = await session.values(
      text,
      places.map((place) => filled(place, params)),
    );
    return found.map((values) => rowOf(values, fields) as Row);
  };
}

/**
 * A select that is put together once and not at every call: for the busiest reads, Drizzle takes longer for that, and for
 * making rows of what comes back, than the database for its answer. `build` selects columns, expressions or tables, joined inner.
 */
export function statement<P extends Params, Row>(
  build: (session: Pick<DbSession, "query" | "tables">) => Select<Row>,
): Run<P, Row> {
  return prepared((session) => {
    const query = build(session);
    return { ...query.toSQL(), selected: query._.selectedFields };
  });
}

/**
 * `statement` for `write` only: nobody else changes the rows that it finds until the transaction ends. Of rows that
 * others hold, it waits for them or skips them. On SQLite, whose builder knows no such clause, a transaction that writes
 * has the whole database to itself.
 */
export function lockingStatement<P extends Params, Row>(
  build: (
    session: Pick<DbSession, "query" | "tables">,
  ) => Select<Row> & { for?(strength: "no key update", how: { skipLocked?: true }): Select<Row> },
  held: "wait" | "skip" = "wait",
): Run<P, Row> {
  return statement((session) => {
    const query = build(session);
    return query.for?.("no key update", held === "skip" ? { skipLocked: true } : {}) ?? query;
  });
}

/**
 * An insert, update or delete that is put together once. What it returns is told again by `returning`, because Drizzle does
 * not tell.
 */
export function change<P extends Params, Row = never>(
  build: (session: Pick<DbSession, "query" | "tables">) => Change,
  returning: (tables: Tables) => Table | Readonly<Record<string, Column>> = () => ({}),
): Run<P, Row> {
  return prepared((session) => ({ ...build(session).toSQL(), selected: returning(session.tables) }));
}

const NAMES = {
  casing: new CasingCache(),
  escapeName: (name: string) => `"${name}"`,
  escapeString: (text: string) => `'${text.replaceAll("'", "''")}'`,
};

/**
 * Runs hand-written SQL, once or so that the database plans it once: then its text must be one of few, with everything that
 * differs in parameters. Rows are arrays.
 */
export function rowArrays(
  session: DbSession,
  kind: Database["kind"],
  statement: SQL,
  isPrepared: boolean,
): ReturnType<DbSession["values"]> {
  const escapeParam = kind === "postgres" ? (at: number) => `$${at + 1}` : () => "?";
  const { sql: text, params } = statement.toQuery({ ...NAMES, escapeParam });
  const values = params.map(sqlValue);
  return isPrepared ? session.values(text, values) : session.valuesOnce(text, values);
}

/** A placeholder for a value of a column, where comparisons and updates would take it for what the driver gives. */
export function valueFor(column: Column, name: string): SQL {
  return sql`${sql.param(sql.placeholder(name), column)}`;
}

type ColumnNames<T extends Table, LeftOut> = Exclude<Extract<keyof T["_"]["columns"], string>, LeftOut>;

/** Placeholders for the columns of a table in an insert, each with the name of its column. */
export function placeholders<T extends Table, LeftOut extends string = never>(table: T, ...leftOut: LeftOut[]) {
  const names = Object.keys(getTableColumns(table)).filter((name) => !leftOut.some((other) => other === name));
  const places: object = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  return places as Record<ColumnNames<T, LeftOut>, Placeholder>;
}
