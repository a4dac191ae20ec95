import type { DbSession, SqlValue } from "../database.ts";

type Run = DbSession["values"];

interface Call {
  readonly params: SqlValue[];
  resolve(rows: unknown[][]): void;
  reject(cause: unknown): void;
}

/** A statement that does for a list of parameters what another does for one of them. */
interface MergedForm {
  readonly text: string;
  /** Shares the rows out among so many calls. */
  deal(rows: unknown[][], calls: number): unknown[][][];
}

/** The merged forms of statements by their text; undefined where a statement has none. */
export type MergedForms = Map<string, MergedForm | undefined>;

/** One row for each call: its parameters, and its place among the calls. */
const CALLS = "jsonb_array_elements(CAST(CAST($1 AS text) AS jsonb)) WITH ORDINALITY AS call (params, place)";

/** Takes the parameters of a statement from a call's, whose types JSON does not tell. */
function fromCall(text: string, types: readonly string[]): string {
  return text.replaceAll(/'[^']*'|"[^"]*"|\$(\d+)/g, (part, number?: string) =>
    number === undefined ? part : `CAST(call.params ->> ${Number(number) - 1} AS ${types[Number(number) - 1]})`,
  );
}

function mergedSelect(text: string, types: readonly string[]): MergedForm {
  return {
    text: `SELECT call.place, found.* FROM ${CALLS} CROSS JOIN LATERAL (${fromCall(text, types)}) AS found`,
    deal: (rows, calls) => {
      const dealt = Array.from({ length: calls }, (): unknown[][] => []);
      for (const [place, ...row] of rows) dealt[Number(place) - 1]?.push(row);
      return dealt;
    },
  };
}

const INSERT = /^insert into ("\w+") \(([^)]*)\) values \(([^)]*)\)( returning .*)?$/;

/** An insert of one row, which returns it or nothing. The order of what it returns is the order of what is inserted. */
function mergedInsert(text: string, types: readonly string[]): MergedForm | undefined {
  const [, table, columns = "", values = "", returning = ""] = INSERT.exec(text) ?? [];
  if (table === undefined) return undefined;
  const given = values.split(", ");
  const pairs = columns.split(", ").map((column, at) => ({ column, value: given[at] ?? "" }));
  const stated = pairs.filter(({ value }) => value !== "default");
  const names = stated.map(({ column }) => column).join(", ");
  const taken = fromCall(stated.map(({ value }) => value).join(", "), types);
  return {
    text: `INSERT INTO ${table} (${names}) SELECT ${taken} FROM ${CALLS} ORDER BY call.place${returning}`,
    deal: (rows, calls) => Array.from({ length: calls }, (_, at) => rows.slice(at, at + 1)),
  };
}

/** An update that returns nothing. */
function mergedUpdate(text: string, types: readonly string[]): MergedForm | undefined {
  const [, change, where] = /^(update "\w+" set .*) where (.*)$/.exec(text) ?? [];
  if (change === undefined || where === undefined || text.includes(" returning ")) return undefined;
  return {
    text: `${fromCall(change, types)} FROM ${CALLS} WHERE ${fromCall(where, types)}`,
    deal: (_, calls) => Array.from({ length: calls }, () => []),
  };
}

/** Merges a statement as Drizzle writes them, whose parameters have these types. Undefined where it is of another form. */
export function mergedForm(text: string, types: readonly string[]): MergedForm | undefined {
  if (text.startsWith("select ")) return mergedSelect(text, types);
  return mergedInsert(text, types) ?? mergedUpdate(text, types);
}

/** What goes into JSON for a parameter: bytes as Postgres writes them. */
function jsonValue(value: SqlValue): string | number | boolean | null {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : value;
}

const TYPES_OF =
  "SELECT CAST(array_to_json(CAST(parameter_types AS text[])) AS text) FROM pg_prepared_statements WHERE statement = $1";

/** Asks how to merge a statement that was sent before. In a pool, another connection may answer, which has not seen it. */
async function learn(run: Run, forms: MergedForms, text: string): Promise<void> {
  const [row] = await run(TYPES_OF, [text]);
  if (row !== undefined) forms.set(text, mergedForm(text, JSON.parse(String(row[0]))));
}

/** Sends calls of one statement: singly the first time, because only then Postgres tells the types that merging needs. */
function send(run: Run, forms: MergedForms, text: string, calls: readonly Call[]): void {
  const form = calls.length > 1 ? forms.get(text) : undefined;
  if (form === undefined) {
    for (const { params, resolve, reject } of calls) run(text, params).then(resolve, reject);
    // What fails here is learnt the next time; if it is the transaction, the callers hear of it.
    if (calls.length > 1 && !forms.has(text)) learn(run, forms, text).catch(() => undefined);
    return;
  }
  run(form.text, [JSON.stringify(calls.map(({ params }) => params.map(jsonValue)))]).then(
    (rows) => {
      const dealt = form.deal(rows, calls.length);
      for (const [at, { resolve }] of calls.entries()) resolve(dealt[at] ?? []);
    },
    (cause) => {
      for (const { reject } of calls) reject(cause);
    },
  );
}

/**
 * Runs statements so that those with the same text that are said at the same time are one: each would cost Postgres and its
 * driver some 100 µs by itself. They must need nothing of each other. Others keep the order in which the first of them was said.
 */
export function merging(run: Run, forms: MergedForms): Run {
  let waiting = new Map<string, Call[]>();
  const sendAll = () => {
    const said = waiting;
    waiting = new Map();
    for (const [text, calls] of said) send(run, forms, text, calls);
  };
  return (text, params) =>
    new Promise((resolve, reject) => {
      if (waiting.size === 0) setImmediate(sendAll);
      const calls = waiting.get(text) ?? [];
      calls.push({ params, resolve, reject });
      waiting.set(text, calls);
    });
}
