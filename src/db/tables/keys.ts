import type { Dialect } from "../dialect.ts";
import { type PackagesTable, packageIdColumn } from "./packages.ts";

/** Declares the signing keys of packages, their changes, and the resets that are pending. */
export function keyTables(d: Dialect, packages: PackagesTable) {
  return {
    packageKeys: packageKeysTable(d, packages),
    packageKeyChanges: packageKeyChangesTable(d, packages),
    packageKeyResets: packageKeyResetsTable(d, packages),
    keyResetUpholds: keyResetUpholdsTable(d, packages),
  };
}

/** Declares the keys that may sign versions of a package, or did. */
function packageKeysTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_keys",
    {
      packageId: packageIdColumn(d, packages),
      publicKey: d.text("public_key").notNull(),
      status: d.text("status", { enum: ["active", "superseded", "compromised"] }).notNull(),
      addedAt: d.instant("added_at").notNull(),
      /** When it ceased to be active. */
      endedAt: d.instant("ended_at"),
      /**
       * With `compromised`: the id of the first version that is not trusted; ids are the order of
       * publishing.
       */
      compromisedSince: d.count("compromised_since"),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.publicKey] })],
  );
}

/**
 * Declares every change of a package's keys after the first publish. Each is a leaf of the log
 * (docs/log-format.md), and `previous` in the leaf chains it to the change before.
 */
function packageKeyChangesTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_key_changes",
    {
      id: d.identity("id"),
      packageId: packageIdColumn(d, packages),
      /** 1, 2, 3 … in a package. */
      seq: d.count("seq").notNull(),
      action: d.text("action", { enum: ["add", "remove", "reset", "cancel", "uphold"] }).notNull(),
      publicKey: d.text("public_key").notNull(),
      /** The signed statement; null where the session of an owner was enough. */
      statement: d.text("statement"),
      leaf: d.text("leaf").notNull(),
      leafSha256: d.text("leaf_sha256").notNull(),
      byUsername: d.text("by_username"),
      logIndex: d.count("log_index"),
      at: d.instant("at").notNull(),
    },
    (t) => [d.uniqueIndex("package_key_changes_seq_idx").on(t.packageId, t.seq)],
  );
}

/** Declares key resets that have not taken effect yet; at most one per package. */
function packageKeyResetsTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_key_resets",
    {
      packageId: packageIdColumn(d, packages),
      publicKey: d.text("public_key").notNull(),
      requestedBy: d.text("requested_by").notNull(),
      requestedAt: d.instant("requested_at").notNull(),
      effectiveAt: d.instant("effective_at").notNull(),
      /** An administrator upheld it: keys cannot cancel it any more. */
      upheld: d.boolean("upheld").notNull().default(false),
    },
    (t) => [d.primaryKey({ columns: [t.packageId] })],
  );
}

/**
 * Declares the packages whose next reset an administrator upholds: where a program cancels every
 * reset at once, an administrator would never find one that is pending.
 */
function keyResetUpholdsTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "key_reset_upholds",
    {
      packageId: packageIdColumn(d, packages),
      /** A user name, or `(operator)`. */
      byUsername: d.text("by_username").notNull(),
      at: d.instant("at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId] })],
  );
}
