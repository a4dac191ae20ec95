import { sql } from "drizzle-orm";
import { index, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Json } from "../json.ts";
import { users } from "./accounts.ts";
import { boolean, count, identity, instant, json } from "./columns.ts";

export const packages = sqliteTable(
  "packages",
  {
    id: identity("id"),
    name: text("name").notNull().unique(),
    nameFolded: text("name_folded").notNull().unique(),
    description: text("description").notNull(),
    tags: json("tags").$type<string[]>().notNull(),
    /** The highest release that is not yanked; null while there is none. */
    latest: text("latest"),
    latestPublishedAt: instant("latest_published_at"),
    /** False while every version is yanked: such a package is not in lists. */
    listed: boolean("listed").notNull(),
    downloads: count("downloads").notNull(),
    createdAt: instant("created_at").notNull(),
    updatedAt: instant("updated_at").notNull(),
    /** Who published the first version; null for packages that are older than this column. */
    createdBy: text("created_by").references(() => users.id),
    /** The name as a hurried reader sees it: see registry/similar-names.ts. */
    nameSkeleton: text("name_skeleton").notNull().default(""),
    status: text("status", { enum: ["active", "archived", "deprecated"] })
      .notNull()
      .default("active"),
    statusMessage: text("status_message"),
    /** The name of the package to use instead. */
    statusReplacement: text("status_replacement"),
    quarantinedAt: instant("quarantined_at"),
    quarantineReason: text("quarantine_reason"),
    /** What its versions show of manifests and warnings beyond `LONG_MANIFEST_BYTES` each; those that are older than this column do not count. */
    longManifestBytes: count("long_manifest_bytes").notNull().default(0),
  },
  (t) => [
    index("packages_created_by_idx").on(t.createdBy, t.createdAt),
    index("packages_skeleton_idx").on(t.nameSkeleton),
    // With the id, so that pages of lists are found without reading packages: search/list-page.ts.
    index("packages_updated_idx").on(t.listed, sql`updated_at DESC`, t.name, t.id),
    index("packages_downloads_idx").on(t.listed, sql`downloads DESC`, t.name, t.id),
    index("packages_name_idx").on(t.listed, t.name, t.id),
  ],
);

/** What listed packages are found and ranked by: see search/searchable.ts. Their words are in an index of each database's own. */
export const packageSearch = sqliteTable(
  "package_search",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    /** How popular it is, 0 to 7. */
    tier: count("tier").notNull(),
    downloads: count("downloads").notNull(),
    /** Words with a blank before and behind each. */
    nameWords: text("name_words").notNull(),
    tagWords: text("tag_words").notNull(),
    authorWords: text("author_words").notNull(),
    /** Of everything it is found by: who changes nothing writes nothing. */
    fingerprint: text("fingerprint").notNull(),
  },
  (t) => [primaryKey({ columns: [t.packageId] })],
);

/** How many packages are listed, in one row: counting a million takes too long. */
export const listedPackages = sqliteTable(
  "listed_packages",
  {
    /** Always 1. */
    id: count("id").notNull(),
    listed: count("listed").notNull(),
  },
  (t) => [primaryKey({ columns: [t.id] })],
);

export const packageTags = sqliteTable(
  "package_tags",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    tag: text("tag").notNull(),
  },
  (t) => [primaryKey({ columns: [t.packageId, t.tag] }), index("package_tags_tag_idx").on(t.tag, t.packageId)],
);

/** Who a package is found under with `author=`: its owners and the maintainers its manifest names, case folded. */
export const packageAuthors = sqliteTable(
  "package_authors",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    author: text("author").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.packageId, t.author] }),
    index("package_authors_author_idx").on(t.author, t.packageId),
  ],
);

export const versions = sqliteTable(
  "versions",
  {
    id: identity("id"),
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id),
    /** As published; may carry build metadata. */
    version: text("version").notNull(),
    /** Without build metadata, which does not make a version different: unique per package, for ever. */
    versionKey: text("version_key").notNull(),
    sha256: text("sha256").notNull(),
    size: count("size").notNull(),
    manifest: json("manifest").$type<Json>().notNull(),
    warnings: json("warnings").$type<Json>().notNull(),
    signatureScheme: text("signature_scheme", {
      enum: ["cpm-v1", "ed25519-sha256", "ed25519-sha256-hex", "ed25519-archive"],
    }).notNull(),
    /** Lower-case hex. */
    publicKey: text("public_key").notNull(),
    /** Base64. */
    signature: text("signature").notNull(),
    publishedBy: text("published_by")
      .notNull()
      .references(() => users.id),
    publishedAt: instant("published_at").notNull(),
    yankedAt: instant("yanked_at"),
    yankReason: text("yank_reason"),
    yankMessage: text("yank_message"),
    yankReplacement: text("yank_replacement"),
    downloads: count("downloads").notNull(),
    quarantinedAt: instant("quarantined_at"),
    quarantineReason: text("quarantine_reason"),
    /** Signed when its key was already compromised, as an owner said: such a version stays yanked. */
    keyCompromised: boolean("key_compromised").notNull().default(false),
    /** Where the log has it; null only until a registry that is older than its log has started once. */
    logIndex: count("log_index"),
    /** How often it was yanked or taken back, as the log counts. */
    yankSeq: count("yank_seq").notNull().default(0),
  },
  (t) => [
    index("versions_published_by_idx").on(t.publishedBy, t.publishedAt),
    uniqueIndex("versions_package_key_idx").on(t.packageId, t.versionKey),
    index("versions_sha256_idx").on(t.sha256),
  ],
);

/** What `/files`, `/readme`, `/manifest` and `/values` answer, kept so that a read never unpacks an archive. */
export const versionContents = sqliteTable(
  "version_contents",
  {
    versionId: count("version_id")
      .notNull()
      .references(() => versions.id, { onDelete: "cascade" }),
    manifestText: text("manifest_text").notNull(),
    readme: text("readme"),
    valuesText: text("values_text"),
    files: json("files").$type<Json>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.versionId] })],
);

/** Blobs that `gc` removed or is removing, so that a publish of the same bytes notices: see packages/blob-removals.ts. */
export const blobRemovals = sqliteTable("blob_removals", {
  sha256: text("sha256").primaryKey(),
  /** How often it was removed. */
  removals: count("removals").notNull(),
  /** True from before the blob is removed until after. */
  removing: boolean("removing").notNull(),
  changedAt: instant("changed_at").notNull(),
});

/** Names that an admin allows though they resemble popular ones. */
export const allowedNames = sqliteTable("allowed_names", {
  name: text("name").primaryKey(),
  createdAt: instant("created_at").notNull(),
});
