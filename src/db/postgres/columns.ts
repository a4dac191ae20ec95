import { bigint, customType, timestamp } from "drizzle-orm/pg-core";

/* How columns are declared on Postgres; the other database has the same, so that both have the same row types. */

export const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: "date" });
export const identity = (name: string) => bigint(name, { mode: "number" }).primaryKey().generatedByDefaultAsIdentity();
export const count = (name: string) => bigint(name, { mode: "number" });
export const bytes = customType<{ data: Buffer }>({ dataType: () => "bytea" });
/** Ordered by bytes, as SQLite orders text: a database made with another collation would list names in another order. */
export const byteOrderedText = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });
