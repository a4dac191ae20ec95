import type { Dialect } from "../dialect.ts";
import { type PackagesTable, packageIdColumn } from "./packages.ts";

/**
 * Declares what administrators did to packages and versions, one row for each status leaf of the
 * log (docs/log-format.md). Columns of packages and versions say what is quarantined now, and the
 * reason in words.
 */
export function statusTables(d: Dialect, packages: PackagesTable) {
  const packageStatuses = d.table(
    "package_statuses",
    {
      packageId: packageIdColumn(d, packages),
      /** The version as published; `*` for the whole package. */
      version: d.text("version").notNull(),
      /** 1, 2, 3 … of a package and version. */
      seq: d.count("seq").notNull(),
      action: d.text("action", { enum: ["quarantine", "release", "remove"] }).notNull(),
      category: d.text("category", { enum: ["legal", "secret", "malware", "policy"] }).notNull(),
      logIndex: d.count("log_index").notNull(),
      at: d.instant("at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.version, t.seq] })],
  );
  return { packageStatuses };
}
