import type { Dialect } from "../dialect.ts";

/** Declares the transparency log: its state, the leaves of its last bundle, and its tiles. */
export function logTables(d: Dialect) {
  return {
    logState: logStateTable(d),
    logLeaves: logLeavesTable(d),
    logTiles: logTilesTable(d),
    logChanges: logChangesTable(d),
  };
}

/** Declares the state of the log in one row, which an append holds locked. */
function logStateTable(d: Dialect) {
  return d.table(
    "log_state",
    {
      /** Always 1. */
      id: d.count("id").notNull(),
      origin: d.text("origin").notNull(),
      /** The verifier key in the form of signed notes. */
      vkey: d.text("vkey").notNull(),
      size: d.count("size").notNull(),
      /** The root of the tree of this size, in hex. */
      root: d.text("root").notNull(),
      /** The signed note for size and root. */
      checkpoint: d.text("checkpoint").notNull(),
      /**
       * True once the log holds what was published before there was a log, so that no later start
       * looks for it.
       */
      hasExisting: d.boolean("has_existing").notNull().default(false),
      /**
       * Why an operator made the registry read-only; null while it may be written. It is in this
       * row because every append locks it: no leaf is committed after the registry became read-only.
       */
      readOnlyReason: d.text("read_only_reason"),
      readOnlySince: d.instant("read_only_since"),
      /**
       * While `log recover` works: the index of the next leaf whose change the other tables lack.
       * Null otherwise. Until then nothing may be appended.
       */
      recoveredTo: d.count("recovered_to"),
      /**
       * Where `db copy` has copied this database to, without credentials, and when. Null while it is
       * the one that serves. It never goes with the copy.
       */
      movedTo: d.text("moved_to"),
      movedAt: d.instant("moved_at"),
    },
    (t) => [d.primaryKey({ columns: [t.id] })],
  );
}

/**
 * Declares the leaves of the last entry bundle while it is not full. A full bundle is one row of
 * `log_tiles`.
 */
function logLeavesTable(d: Dialect) {
  return d.table(
    "log_leaves",
    {
      index: d.count("idx").notNull(),
      leaf: d.text("leaf").notNull(),
      /**
       * What `log recover` needs beside the leaf and the archive, as JSON (log/leaf-details.ts).
       * Null for leaves that are older than this column.
       */
      details: d.text("details"),
    },
    (t) => [d.primaryKey({ columns: [t.index] })],
  );
}

/**
 * Declares tiles (c2sp.org/tlog-tiles). Tiles of leaf hashes are stored when they are full, those
 * of higher levels also while they are partial. Level -1 has the entry bundles, level -2 what
 * `log recover` needs beside them.
 */
function logTilesTable(d: Dialect) {
  return d.table(
    "log_tiles",
    { level: d.count("level").notNull(), index: d.count("idx").notNull(), data: d.bytes("data").notNull() },
    (t) => [d.primaryKey({ columns: [t.level, t.index] })],
  );
}

/**
 * Declares the changes of the log itself, one row for each of its leaves (docs/log-format.md). They
 * are kept for ever, because somebody who knows only the first key follows them to the newest one.
 */
function logChangesTable(d: Dialect) {
  return d.table(
    "log_changes",
    {
      index: d.count("idx").notNull(),
      leaf: d.text("leaf").notNull(),
      /**
       * A checkpoint that the old key signed. After a rotation, it is of the tree that ends with
       * the leaf; before a new log, it is the last one of the old log.
       */
      checkpoint: d.text("checkpoint").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.index] })],
  );
}
