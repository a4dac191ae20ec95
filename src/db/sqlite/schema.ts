import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Json } from "../json.ts";

/* The tables on SQLite. `../postgres/schema.ts` has the same tables with the same row types; `../same-rows.ts` proves it. */

const instant = (name: string) => integer(name, { mode: "timestamp_ms" });
const identity = (name: string) => integer(name).primaryKey({ autoIncrement: true });
const count = (name: string) => integer(name);
const boolean = (name: string) => integer(name, { mode: "boolean" });
const json = (name: string) => text(name, { mode: "json" });

export const users = sqliteTable("users", {
  id: text("id").primaryKey(),
  username: text("username").notNull(),
  usernameFolded: text("username_folded").notNull().unique(),
  email: text("email").notNull(),
  emailFolded: text("email_folded").notNull().unique(),
  passwordHash: text("password_hash").notNull(),
  role: text("role", { enum: ["user", "admin"] }).notNull(),
  createdAt: instant("created_at").notNull(),
});

export const sessions = sqliteTable(
  "sessions",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    createdAt: instant("created_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (t) => [index("sessions_user_idx").on(t.userId), index("sessions_expires_idx").on(t.expiresAt)],
);

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
  },
  (t) => [
    index("packages_listed_updated_idx").on(t.listed, t.updatedAt, t.id),
    index("packages_listed_downloads_idx").on(t.listed, t.downloads, t.id),
    index("packages_listed_name_idx").on(t.listed, t.name),
  ],
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

export const packageOwners = sqliteTable(
  "package_owners",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    createdAt: instant("created_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.packageId, t.userId] }), index("package_owners_user_idx").on(t.userId)],
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
    downloads: count("downloads").notNull(),
  },
  (t) => [
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
