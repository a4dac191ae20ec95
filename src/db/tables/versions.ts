import type { Dialect } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { UsersTable } from "./accounts.ts";
import type { PackagesTable } from "./packages.ts";

/** Declares versions, what is shown of their contents, and the removals of their blobs. */
export function versionTables(d: Dialect, users: UsersTable, packages: PackagesTable) {
  const versions = versionsTable(d, users, packages);
  return { versions, versionContents: versionContentsTable(d, versions), blobRemovals: blobRemovalsTable(d) };
}

function versionsTable(d: Dialect, users: UsersTable, packages: PackagesTable) {
  return d.table("versions", { ...publishedColumns(d, users, packages), ...changingColumns(d) }, (t) => [
    d.index("versions_published_by_idx").on(t.publishedBy, t.publishedAt),
    d.uniqueIndex("versions_package_key_idx").on(t.packageId, t.versionKey),
    d.index("versions_sha256_idx").on(t.sha256),
    d.index("versions_order_idx").on(t.packageId, t.versionOrder),
  ]);
}

/** Declares the columns that a publish sets for ever. */
function publishedColumns(d: Dialect, users: UsersTable, packages: PackagesTable) {
  return {
    id: d.identity("id"),
    packageId: d
      .count("package_id")
      .notNull()
      .references(() => packages.id),
    /** As published; may carry build metadata. */
    version: d.text("version").notNull(),
    /**
     * Without build metadata, which does not make a version different: unique per package, for
     * ever.
     */
    versionKey: d.text("version_key").notNull(),
    /**
     * `Version.order`, by which versions are sorted. Empty only until a registry that is older than
     * this column has started once.
     */
    versionOrder: d.byteOrderedText("version_order").notNull().default(""),
    sha256: d.text("sha256").notNull(),
    size: d.count("size").notNull(),
    manifest: d.json("manifest").$type<Json>().notNull(),
    warnings: d.json("warnings").$type<Json>().notNull(),
    signatureScheme: d
      .text("signature_scheme", {
        enum: ["cpm-v1", "ed25519-sha256", "ed25519-sha256-hex", "ed25519-archive"],
      })
      .notNull(),
    /** Lower-case hex. */
    publicKey: d.text("public_key").notNull(),
    /** Base64. */
    signature: d.text("signature").notNull(),
    publishedBy: d
      .text("published_by")
      .notNull()
      .references(() => users.id),
    publishedAt: d.instant("published_at").notNull(),
  };
}

/** Declares the columns that change after the publish. */
function changingColumns(d: Dialect) {
  return {
    yankedAt: d.instant("yanked_at"),
    yankReason: d.text("yank_reason"),
    yankMessage: d.text("yank_message"),
    yankReplacement: d.text("yank_replacement"),
    downloads: d.count("downloads").notNull(),
    quarantinedAt: d.instant("quarantined_at"),
    quarantineReason: d.text("quarantine_reason"),
    /** When an administrator took the version down for good. Null while it is there. */
    takenDownAt: d.instant("taken_down_at"),
    takedownReason: d.text("takedown_reason", { enum: ["legal", "secret", "malware", "policy"] }),
    /**
     * True if an owner reported that the key was already compromised when it signed. Such a version
     * stays yanked.
     */
    keyCompromised: d.boolean("key_compromised").notNull().default(false),
    /**
     * The index of its leaf in the log. Null only until a registry that is older than its log has
     * started once.
     */
    logIndex: d.count("log_index"),
    /** How many yanks and unyanks of it are in the log. */
    yankSeq: d.count("yank_seq").notNull().default(0),
  };
}

type VersionsTable = ReturnType<typeof versionsTable>;

/**
 * Declares what `/files`, `/readme`, `/manifest` and `/values` return, stored so that a read never
 * unpacks an archive.
 */
function versionContentsTable(d: Dialect, versions: VersionsTable) {
  return d.table(
    "version_contents",
    {
      versionId: d
        .count("version_id")
        .notNull()
        .references(() => versions.id, { onDelete: "cascade" }),
      manifestText: d.text("manifest_text").notNull(),
      readme: d.text("readme"),
      valuesText: d.text("values_text"),
      files: d.json("files").$type<Json>().notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.versionId] })],
  );
}

/**
 * Declares the blobs that `gc` removed or is removing. A publish of the same bytes reads them:
 * packages/blob-removals.ts.
 */
function blobRemovalsTable(d: Dialect) {
  return d.table("blob_removals", {
    sha256: d.text("sha256").primaryKey(),
    /** How many times it was removed. */
    removals: d.count("removals").notNull(),
    /** True from before the blob is removed until after. */
    removing: d.boolean("removing").notNull(),
    changedAt: d.instant("changed_at").notNull(),
  });
}
