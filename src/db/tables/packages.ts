import { sql } from "drizzle-orm";
import type { Dialect } from "../dialect.ts";
import type { UsersTable } from "./accounts.ts";

/** The table of packages, to which other tables refer. */
export type PackagesTable = ReturnType<typeof packagesTable>;

/** Declares packages, their number, and the names that an admin has allowed. */
export function packageTables(d: Dialect, users: UsersTable) {
  return {
    packages: packagesTable(d, users),
    listedPackages: listedPackagesTable(d),
    registryTotals: registryTotalsTable(d),
    allowedNames: allowedNamesTable(d),
  };
}

/** Declares `package_id` of a row that is deleted with its package. */
export function packageIdColumn(d: Dialect, packages: PackagesTable) {
  return d
    .count("package_id")
    .notNull()
    .references(() => packages.id, { onDelete: "cascade" });
}

function packagesTable(d: Dialect, users: UsersTable) {
  return d.table("packages", packageColumns(d, users), (t) => [
    d.index("packages_created_by_idx").on(t.createdBy, t.createdAt),
    d.index("packages_skeleton_idx").on(t.nameSkeleton),
    // The id is in these indexes so that a page of a list is found without reading packages:
    // search/list-page.ts.
    d.index("packages_updated_idx").on(t.listed, sql`updated_at DESC`, t.name, t.id),
    d.index("packages_downloads_idx").on(t.listed, sql`downloads DESC`, t.name, t.id),
    d.index("packages_name_idx").on(t.listed, t.name, t.id),
  ]);
}

function packageColumns(d: Dialect, users: UsersTable) {
  return {
    id: d.identity("id"),
    name: d.byteOrderedText("name").notNull().unique(),
    nameFolded: d.text("name_folded").notNull().unique(),
    description: d.text("description").notNull(),
    tags: d.json("tags").$type<string[]>().notNull(),
    /** The highest release that is not yanked; null while there is none. */
    latest: d.text("latest"),
    latestPublishedAt: d.instant("latest_published_at"),
    /** False while every version is yanked. Such a package is not in lists. */
    listed: d.boolean("listed").notNull(),
    downloads: d.count("downloads").notNull(),
    createdAt: d.instant("created_at").notNull(),
    updatedAt: d.instant("updated_at").notNull(),
    /**
     * The account that published the first version; null for packages that are older than this
     * column.
     */
    createdBy: d.text("created_by").references(() => users.id),
    /** The name with letters that look alike made equal: see domain/similar-names.ts. */
    nameSkeleton: d.text("name_skeleton").notNull().default(""),
    status: d
      .text("status", { enum: ["active", "archived", "deprecated"] })
      .notNull()
      .default("active"),
    statusMessage: d.text("status_message"),
    /** The name of the package to use instead. */
    statusReplacement: d.text("status_replacement"),
    quarantinedAt: d.instant("quarantined_at"),
    quarantineReason: d.text("quarantine_reason"),
    /** When an administrator took the whole package down for good. Null while it is there. */
    takenDownAt: d.instant("taken_down_at"),
    takedownReason: d.text("takedown_reason", { enum: ["legal", "secret", "malware", "policy"] }),
    /**
     * How far the manifests and warnings of its versions exceed `LONG_MANIFEST_BYTES` each, in sum.
     * Versions that are older than this column are not counted.
     */
    longManifestBytes: d.count("long_manifest_bytes").notNull().default(0),
  };
}

/** Declares the number of listed packages, in one row: counting a million rows takes too long. */
function listedPackagesTable(d: Dialect) {
  return d.table(
    "listed_packages",
    {
      /** Always 1. */
      id: d.count("id").notNull(),
      listed: d.count("listed").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.id] })],
  );
}

/**
 * Declares how much the registry holds, in one row, for its metrics. Transactions lock it last, after
 * the log.
 */
function registryTotalsTable(d: Dialect) {
  return d.table(
    "registry_totals",
    {
      /** Always 1. */
      id: d.count("id").notNull(),
      packages: d.count("packages").notNull(),
      versions: d.count("versions").notNull(),
      /** The size of all archives. */
      storageBytes: d.count("storage_bytes").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.id] })],
  );
}

/** Declares the names that an admin allows although they resemble popular ones. */
function allowedNamesTable(d: Dialect) {
  return d.table("allowed_names", {
    name: d.text("name").primaryKey(),
    createdAt: d.instant("created_at").notNull(),
  });
}
