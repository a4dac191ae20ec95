import type { DbSession, SqlValue } from "../database.ts";

type RunValues = DbSession["values"];

interface Call {
  readonly params: SqlValue[];
  resolve(rows: unknown[][]): void;
  reject(cause: unknown): void;
}

/** A statement that does for a list of calls what the original does for one of them. */
interface BatchedForm {
  readonly text: string;
  /** Returns the rows of each call. */
  rowsPerCall(rows: unknown[][], calls: number): unknown[][][];
}

/** The batched forms of statements by their text; undefined where a statement has none. */
export type BatchedForms = Map<string, BatchedForm | undefined>;

/** One row per call: its parameters and its position among the calls. */
const CALLS = "jsonb_array_elements(CAST(CAST($1 AS text) AS jsonb)) WITH ORDINALITY AS call (params, ordinal)";

/**
 * Replaces `$n` by the parameter of a call. JSON does not keep the type, so each is cast to its
 * own.
 */
function parametersFromCall(text: string, types: readonly string[]): string {
  return text.replaceAll(/'[^']*'|"[^"]*"|\$(\d+)/g, (part, number?: string) =>
    number === undefined ? part : `CAST(call.params ->> ${Number(number) - 1} AS ${types[Number(number) - 1]})`,
  );
}

/** The select becomes a subquery as it is, so it may have subqueries of its own. */
function batchedSelect(text: string, types: readonly string[]): BatchedForm {
  return {
    text: `SELECT call.ordinal, found.* FROM ${CALLS} CROSS JOIN LATERAL (${parametersFromCall(text, types)}) AS found`,
    rowsPerCall: (rows, calls) => {
      const perCall = Array.from({ length: calls }, (): unknown[][] => []);
      for (const [ordinal, ...row] of rows) perCall[Number(ordinal) - 1]?.push(row);
      return perCall;
    },
  };
}

const INSERT = /^insert into ("\w+") \(([^)]*)\) values \(([^)]*)\)( returning .*)?$/;

/**
 * An insert of one row, which returns that row or nothing. Rows are returned in the order of the
 * calls.
 */
function batchedInsert(text: string, types: readonly string[]): BatchedForm | undefined {
  const [, table, columns = "", values = "", returning = ""] = INSERT.exec(text) ?? [];
  if (table === undefined) return undefined;
  const given = values.split(", ");
  const pairs = columns.split(", ").map((column, at) => ({ column, value: given[at] ?? "" }));
  const stated = pairs.filter(({ value }) => value !== "default");
  const names = stated.map(({ column }) => column).join(", ");
  const selected = parametersFromCall(stated.map(({ value }) => value).join(", "), types);
  return {
    text: `INSERT INTO ${table} (${names}) SELECT ${selected} FROM ${CALLS} ORDER BY call.ordinal${returning}`,
    rowsPerCall: (rows, calls) => Array.from({ length: calls }, (_, at) => rows.slice(at, at + 1)),
  };
}

/**
 * An update that returns nothing. It is split at its ` where `, so one with two of them, or with
 * its only one in parentheses, is refused: the list of calls would be joined inside a subquery.
 */
function batchedUpdate(text: string, types: readonly string[]): BatchedForm | undefined {
  const [update = "", where, ...more] = text.split(/ where /i);
  if (where === undefined || more.length > 0 || !/^update "\w+" set /.test(update)) return undefined;
  if (update.split("(").length !== update.split(")").length || text.includes(" returning ")) return undefined;
  return {
    text: `${parametersFromCall(update, types)} FROM ${CALLS} WHERE ${parametersFromCall(where, types)}`,
    rowsPerCall: (_, calls) => Array.from({ length: calls }, () => []),
  };
}

/**
 * Returns the batched form of a statement that Drizzle wrote, whose parameters have these types.
 * Undefined where the statement is of a form that cannot be batched.
 */
export function batchedForm(text: string, types: readonly string[]): BatchedForm | undefined {
  if (text.startsWith("select ")) return batchedSelect(text, types);
  return batchedInsert(text, types) ?? batchedUpdate(text, types);
}

/** A parameter as JSON holds it: bytes in the text form of Postgres. */
function jsonValue(value: SqlValue): string | number | boolean | null {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : value;
}

const TYPES_OF =
  "SELECT CAST(array_to_json(CAST(parameter_types AS text[])) AS text) FROM pg_prepared_statements WHERE statement = $1";

/**
 * Learns the batched form of a statement that was sent before. In a pool, the answer may come from
 * a connection that has not seen the statement; then nothing is learnt.
 */
async function learnForm(run: RunValues, forms: BatchedForms, text: string): Promise<void> {
  const [row] = await run(TYPES_OF, [text]);
  if (row !== undefined) forms.set(text, batchedForm(text, JSON.parse(String(row[0]))));
}

/**
 * Sends the calls of one statement. The first time they are sent singly, because only afterwards
 * does Postgres know the types of the parameters, which the batched form needs.
 */
function send(run: RunValues, forms: BatchedForms, text: string, calls: readonly Call[]): void {
  const form = calls.length > 1 ? forms.get(text) : undefined;
  if (form === undefined) {
    for (const { params, resolve, reject } of calls) run(text, params).then(resolve, reject);
    // A failure here is harmless: the next batch asks again. If the transaction failed, the callers
    // learn it themselves.
    if (calls.length > 1 && !forms.has(text)) learnForm(run, forms, text).catch(() => undefined);
    return;
  }
  run(form.text, [JSON.stringify(calls.map(({ params }) => params.map(jsonValue)))]).then(
    (rows) => {
      const perCall = form.rowsPerCall(rows, calls.length);
      for (const [at, { resolve }] of calls.entries()) resolve(perCall[at] ?? []);
    },
    (cause) => {
      for (const { reject } of calls) reject(cause);
    },
  );
}

/**
 * Batches statements: calls with the same text that are made in the same turn of the event loop
 * become one statement. The reason is that each statement has a cost of its own in Postgres and its
 * driver. The calls must not depend on each other.
 *
 * Statements with different texts are sent in the order of their first calls. A batch that fails
 * rejects all its calls.
 */
export function batched(run: RunValues, forms: BatchedForms): RunValues {
  let pending = new Map<string, Call[]>();
  const sendAll = () => {
    const batches = pending;
    pending = new Map();
    for (const [text, calls] of batches) send(run, forms, text, calls);
  };
  return (text, params) =>
    new Promise((resolve, reject) => {
      if (pending.size === 0) setImmediate(sendAll);
      const calls = pending.get(text) ?? [];
      calls.push({ params, resolve, reject });
      pending.set(text, calls);
    });
}
