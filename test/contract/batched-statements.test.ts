import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DbSession } from "../../src/db/database.ts";
import { type BatchedForms, batched, batchedForm } from "../../src/db/postgres/statement-batching.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

/* Batched statements against the same statements one by one, on a real Postgres. */

const INSERT = 'insert into "log_tiles" ("level", "idx", "data") values ($1, $2, $3)';
const INSERT_EVENT =
  'insert into "events" ("id", "transaction_id", "at", "kind", "user_id", "username", "address", "token_id", "package_name", "version", "details") values (default, default, $1, $2, $3, $4, $5, $6, $7, $8, $9) returning "kind", "at", "username", "details"';
const SELECT =
  'select "level", "idx", encode("data", \'hex\') as "$1" from "log_tiles" where "log_tiles"."idx" = $1 and "log_tiles"."level" = $2 order by "idx"';
const LOCK =
  'select "level" from "log_tiles" where "log_tiles"."idx" >= $1 order by "level" for no key update skip locked';
const UPDATE = 'update "log_tiles" set "data" = $1, "level" = $2 where "log_tiles"."idx" = $3';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry("postgres");
});
afterAll(() => registry.stop());

/** Runs `work` in a transaction that is rolled back, and counts the statements that it sends. */
async function inTransaction<T>(
  forms: BatchedForms,
  work: (run: DbSession["values"], sent: () => number) => Promise<T>,
) {
  const done = Promise.withResolvers<T>();
  const end = new Error("rolled back");
  const written = registry.deps.db.write(async (session) => {
    let sent = 0;
    const counting: DbSession["values"] = (text, params) => {
      sent += 1;
      return session.values(text, params);
    };
    done.resolve(await work(batched(counting, forms), () => sent));
    throw end;
  });
  const [result] = await Promise.allSettled([written]);
  if (result.status === "rejected" && result.reason !== end) throw result.reason;
  return done.promise;
}

const TEXTS = ["plain", `it's "quoted" $1 \\x41`, "ü 漢 😀", ""];
const eventOf = (text: string, at: number) => [
  new Date(1_700_000_000_000 + at).toISOString(),
  `kind.${at}`,
  null,
  text,
  null,
  null,
  null,
  "1.0.0",
  JSON.stringify({ text, at, nested: [null, true] }),
];

async function everything(run: DbSession["values"]) {
  const events = await Promise.all(TEXTS.map((text, at) => run(INSERT_EVENT, eventOf(text, at))));
  const tiles = await Promise.all([7, 8, 9].map((index) => run(INSERT, [5, index, Buffer.from([0, 255, index])])));
  const updated = await Promise.all([8, 9, 99].map((index) => run(UPDATE, [Buffer.from("new"), 6, index])));
  const selected = await Promise.all([9, 1_000, 7, 8].map((index) => run(SELECT, [index, index === 7 ? 5 : 6])));
  const locked = await Promise.all([1_000, 8, 7].map((index) => run(LOCK, [index])));
  return { events, tiles, updated, selected, locked };
}

test("batched statements give each caller the rows that it would get alone", async () => {
  const forms: BatchedForms = new Map();
  const single = await inTransaction(forms, async (run, sent) => ({ ...(await everything(run)), sent: sent() }));
  expect(single.sent).toBe(4 + 3 + 3 + 4 + 3 + 5);
  expect([...forms.values()].filter((form) => form === undefined)).toEqual([]);
  const inBatches = await inTransaction(forms, async (run, sent) => ({ ...(await everything(run)), sent: sent() }));
  expect(inBatches).toEqual({ ...single, sent: 5 });
  expect(single.selected).toEqual([[["6", "9", "6e6577"]], [], [["5", "7", "00ff07"]], [["6", "8", "6e6577"]]]);
  expect(single.locked.map((rows) => rows.length)).toEqual([0, 2, 3]);
  expect(single.events.map(([row]) => row?.[2])).toEqual(TEXTS);
});

test("a single call is sent as it is, and a failed batch rejects all of its calls", async () => {
  const forms: BatchedForms = new Map();
  await inTransaction(forms, (run) => Promise.all([run(LOCK, [1]), run(LOCK, [2])]));
  await inTransaction(forms, (run) => Promise.all([1, 2].map((index) => run(INSERT, [1, index, Buffer.of(0)]))));
  const alone = await inTransaction(forms, async (run, sent) => ({ rows: await run(LOCK, [1]), sent: sent() }));
  expect(alone).toEqual({ rows: [], sent: 1 });
  const failing = inTransaction(forms, (run) =>
    Promise.allSettled(["no number", 2].map((index) => run(INSERT, [1, index, Buffer.of(0)]))),
  );
  expect((await failing).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a failure before the batched form is known rejects the calls and nothing else", async () => {
  const failing = inTransaction(new Map(), (run) =>
    Promise.allSettled(["no number", 2].map((index) => run(INSERT, [1, index, Buffer.of(0)]))),
  );
  expect((await failing).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a statement of another form is not batched", () => {
  const types = ["bigint"];
  expect(batchedForm('delete from "log_tiles" where "idx" = $1', types)).toBeUndefined();
  expect(batchedForm('update "log_tiles" set "idx" = 1 where "idx" = $1 returning "idx"', types)).toBeUndefined();
  const onConflict = 'insert into "log_tiles" ("idx") values ($1) on conflict do nothing';
  expect(batchedForm(onConflict, types)).toBeUndefined();
});

test("an update with a subquery that has a where is not batched", () => {
  const types = ["bigint", "bigint"];
  const idx = '(select "idx" from "log_leaves" where "idx" = $1)';
  const update = 'update "log_tiles" set "idx" = 1 where';
  expect(batchedForm(`${update} "idx" = $1`, types)).toBeDefined();
  expect(batchedForm(`${update} "idx" in ${idx}`, types)).toBeUndefined();
  expect(batchedForm(`${update} "idx" in ${idx.replace("where", "WHERE")}`, types)).toBeUndefined();
  expect(batchedForm(`update "log_tiles" set "idx" = ${idx} where "idx" = $2`, types)).toBeUndefined();
  expect(batchedForm(`update "log_tiles" set "idx" = ${idx}`, types)).toBeUndefined();
});
