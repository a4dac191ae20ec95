import { integer, text } from "drizzle-orm/sqlite-core";

/* How columns are declared on SQLite; the other database has the same, so that both have the same row types. */

export const instant = (name: string) => integer(name, { mode: "timestamp_ms" });
export const identity = (name: string) => integer(name).primaryKey({ autoIncrement: true });
export const count = (name: string) => integer(name);
export const boolean = (name: string) => integer(name, { mode: "boolean" });
export const json = (name: string) => text(name, { mode: "json" });
