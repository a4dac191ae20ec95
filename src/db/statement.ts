import { Column, getTableColumns, is, Param, Placeholder, type Query, SQL, sql, Table } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import type { Database, DbSession, SqlValue, Tables } from "./database.ts";

/** A Drizzle query that returns rows, with `sql.placeholder` for its parameters. */
type Select<Row> = PromiseLike<Row[]> & {
  toSQL(): Query;
  readonly _: { readonly selectedFields: unknown };
};

/** A Drizzle insert, update or delete with placeholders. */
interface Change {
  toSQL(): Query;
}

/** The parameters of a statement by name. */
type StatementParams = Readonly<Record<string, unknown>>;

/** Runs a statement with its parameters. */
type RunStatement<P extends StatementParams, Row> = (session: DbSession, params: P) => Promise<Row[]>;

interface ResultField {
  readonly path: readonly string[];
  /** Undefined where the driver already returns the value of the column. */
  readonly decode: ((value: unknown) => unknown) | undefined;
}

interface CachedStatement {
  readonly sql: string;
  readonly params: unknown[];
  readonly fields: readonly ResultField[];
}

/**
 * Returns what decodes a driver's value. For an expression, `mapWith` set it, which the type of the
 * expression does not show.
 */
function decoderOf(selected: Column | SQL): ResultField["decode"] {
  const decoder: unknown = is(selected, Column) ? selected : Reflect.get(selected, "decoder");
  const decode: unknown = Reflect.get(Object(decoder), "mapFromDriverValue");
  if (typeof decode !== "function") throw new Error("A statement selects an expression without a decoder");
  return decode === Column.prototype.mapFromDriverValue ? undefined : (value) => decode.call(decoder, value);
}

function fieldsOf(selected: unknown, path: readonly string[] = []): ResultField[] {
  if (is(selected, Column) || is(selected, SQL)) return [{ path, decode: decoderOf(selected) }];
  const members = is(selected, Table) ? getTableColumns(selected) : selected;
  if (typeof members !== "object" || members === null)
    throw new Error("A statement can only select columns, expressions and tables");
  return Object.entries(members).flatMap(([name, member]) => fieldsOf(member, [...path, name]));
}

function toRow(values: readonly unknown[], fields: readonly ResultField[]): Record<string, unknown> {
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
  throw new Error("A parameter has a type that no driver accepts");
}

/**
 * Returns the parameter for a slot, encoded for the driver where Drizzle knows the column it
 * belongs to.
 */
function parameterFor(slot: unknown, params: StatementParams): SqlValue {
  const placeholder = is(slot, Param) ? slot.value : slot;
  if (!is(placeholder, Placeholder)) return sqlValue(slot);
  const value = params[placeholder.name];
  return sqlValue(is(slot, Param) && value !== null ? slot.encoder.mapToDriverValue(value) : value);
}

function cached<P extends StatementParams, Row>(
  build: (
    session: Pick<DbSession, "query" | "tables">,
  ) => Omit<CachedStatement, "fields"> & { readonly selected: unknown },
): RunStatement<P, Row> {
  const statements = new WeakMap<Tables, CachedStatement>();
  return async (session, params) => {
    let known = statements.get(session.tables);
    if (known === undefined) {
      const { selected, ...query } = build(session);
      known = { ...query, fields: fieldsOf(selected) };
      statements.set(session.tables, known);
    }
    const { sql: text, params: slots, fields } = known;
    const found = await session.values(
      text,
      slots.map((slot) => parameterFor(slot, params)),
    );
    return found.map((values) => toRow(values, fields) as Row);
  };
}

/**
 * A select that is built once and not at every call. For the busiest reads, Drizzle needs longer to
 * build the SQL and to map the rows than the database needs to answer. `build` selects columns,
 * expressions or tables, with inner joins only.
 */
export function statement<P extends StatementParams, Row>(
  build: (session: Pick<DbSession, "query" | "tables">) => Select<Row>,
): RunStatement<P, Row> {
  return cached((session) => {
    const query = build(session);
    return { ...query.toSQL(), selected: query._.selectedFields };
  });
}

/**
 * Like `statement`, in `write` only: it locks the rows that it finds until the transaction ends.
 * `ifLocked` says whether it waits for rows that others have locked, or skips them. On SQLite,
 * whose builder has no such clause, a transaction that writes locks the whole database.
 */
export function lockingStatement<P extends StatementParams, Row>(
  build: (
    session: Pick<DbSession, "query" | "tables">,
  ) => Select<Row> & { for?(strength: "no key update", how: { skipLocked?: true }): Select<Row> },
  ifLocked: "wait" | "skip" = "wait",
): RunStatement<P, Row> {
  return statement((session) => {
    const query = build(session);
    return query.for?.("no key update", ifLocked === "skip" ? { skipLocked: true } : {}) ?? query;
  });
}

/**
 * An insert, update or delete that is built once. `returning` repeats what it returns, because
 * Drizzle does not expose it.
 */
export function change<P extends StatementParams, Row = never>(
  build: (session: Pick<DbSession, "query" | "tables">) => Change,
  returning: (tables: Tables) => Table | Readonly<Record<string, Column>> = () => ({}),
): RunStatement<P, Row> {
  return cached((session) => ({ ...build(session).toSQL(), selected: returning(session.tables) }));
}

const NAMES = {
  casing: new CasingCache(),
  escapeName: (name: string) => `"${name}"`,
  escapeString: (text: string) => `'${text.replaceAll("'", "''")}'`,
};

/**
 * Runs hand-written SQL and returns rows as arrays. If `isPrepared`, the database plans it once;
 * then its text must be one of few, with everything that differs in parameters.
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

/**
 * A placeholder for the value of a column. In comparisons and updates, a plain placeholder would
 * take the value as the driver's.
 */
export function valueFor(column: Column, name: string): SQL {
  return sql`${sql.param(sql.placeholder(name), column)}`;
}

type ColumnNames<T extends Table, LeftOut> = Exclude<Extract<keyof T["_"]["columns"], string>, LeftOut>;

/**
 * Returns placeholders for the columns of a table in an insert, each with the name of its column.
 */
export function placeholders<T extends Table, LeftOut extends string = never>(table: T, ...leftOut: LeftOut[]) {
  const names = Object.keys(getTableColumns(table)).filter((name) => !leftOut.some((other) => other === name));
  const slots: object = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  return slots as Record<ColumnNames<T, LeftOut>, Placeholder>;
}
