import { blob, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { boolean, count } from "./columns.ts";

/** The transparency log in one row, which whoever appends holds locked. */
export const logState = sqliteTable(
  "log_state",
  {
    /** Always 1. */
    id: count("id").notNull(),
    origin: text("origin").notNull(),
    /** The verifier key in the form of signed notes. */
    vkey: text("vkey").notNull(),
    size: count("size").notNull(),
    /** Of the tree of this size, as hex. */
    root: text("root").notNull(),
    /** The signed note for size and root. */
    checkpoint: text("checkpoint").notNull(),
    /** What was published before there was a log is in it: nobody has to look for it at every start. */
    hasExisting: boolean("has_existing").notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.id] })],
);

/** Leaves of the last entry bundle while it is not full; then they are one row of `log_tiles`. */
export const logLeaves = sqliteTable(
  "log_leaves",
  {
    index: count("idx").notNull(),
    leaf: text("leaf").notNull(),
  },
  (t) => [primaryKey({ columns: [t.index] })],
);

/** Tiles (c2sp.org/tlog-tiles): full ones of leaf hashes, those above as far as they go; level -1 has the entry bundles. */
export const logTiles = sqliteTable(
  "log_tiles",
  {
    level: count("level").notNull(),
    index: count("idx").notNull(),
    data: blob("data", { mode: "buffer" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.level, t.index] })],
);
