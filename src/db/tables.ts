import { sql } from "drizzle-orm";
import type { Dialect } from "./dialect.ts";
import type { Json } from "./json.ts";

/* Every table of the registry, once: `d` is how a database declares columns (dialect.ts). */

export function defineTables(d: Dialect) {
  const users = d.table("users", {
    id: d.text("id").primaryKey(),
    username: d.text("username").notNull(),
    usernameFolded: d.text("username_folded").notNull().unique(),
    email: d.text("email").notNull(),
    emailFolded: d.text("email_folded").notNull().unique(),
    passwordHash: d.text("password_hash").notNull(),
    role: d.text("role", { enum: ["user", "admin"] }).notNull(),
    createdAt: d.instant("created_at").notNull(),
    /** Since when neither its password nor its tokens work; null for an account in use. */
    disabledAt: d.instant("disabled_at"),
  });

  const sessions = d.table(
    "sessions",
    {
      id: d.text("id").primaryKey(),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id, { onDelete: "cascade" }),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.index("sessions_user_idx").on(t.userId), d.index("sessions_expires_idx").on(t.expiresAt)],
  );

  /** Signing keys of accounts. Every one is torsion-free: that check is made once, before it is stored. */
  const accountKeys = d.table(
    "account_keys",
    {
      id: d.identity("id"),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id, { onDelete: "cascade" }),
      /** Lower-case hex. */
      publicKey: d.text("public_key").notNull(),
      label: d.text("label").notNull(),
      createdAt: d.instant("created_at").notNull(),
      retiredAt: d.instant("retired_at"),
    },
    (t) => [
      d.uniqueIndex("account_keys_user_key_idx").on(t.userId, t.publicKey),
      d.index("account_keys_public_key_idx").on(t.publicKey),
    ],
  );

  /** Nonces that were handed out for proofs of possession and not used yet. */
  const keyChallenges = d.table(
    "key_challenges",
    {
      nonce: d.text("nonce").primaryKey(),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id, { onDelete: "cascade" }),
      publicKey: d.text("public_key").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.index("key_challenges_user_idx").on(t.userId, t.expiresAt)],
  );

  const apiTokens = d.table(
    "api_tokens",
    {
      id: d.text("id").primaryKey(),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id, { onDelete: "cascade" }),
      label: d.text("label").notNull(),
      /** SHA-256 of the token's text in hex; the text itself is stored nowhere. */
      tokenSha256: d.text("token_sha256").notNull().unique(),
      scopes: d.json("scopes").$type<string[]>().notNull(),
      /** Names and patterns such as `foo-*`. */
      packages: d.json("packages").$type<string[]>().notNull(),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
      lastUsedAt: d.instant("last_used_at"),
      revokedAt: d.instant("revoked_at"),
    },
    (t) => [d.index("api_tokens_user_idx").on(t.userId)],
  );

  /** Failed logins by account, unknown name or address, so that replicas count together. */
  const loginFailures = d.table(
    "login_failures",
    {
      /** A kind and a digest: nothing typed by a stranger is stored. */
      key: d.text("key").primaryKey(),
      failures: d.count("failures").notNull(),
      /** Of the first failure that is counted. */
      since: d.instant("since").notNull(),
      lastAt: d.instant("last_at").notNull(),
    },
    (t) => [d.index("login_failures_last_idx").on(t.lastAt)],
  );

  const packages = d.table(
    "packages",
    {
      id: d.identity("id"),
      name: d.byteOrderedText("name").notNull().unique(),
      nameFolded: d.text("name_folded").notNull().unique(),
      description: d.text("description").notNull(),
      tags: d.json("tags").$type<string[]>().notNull(),
      /** The highest release that is not yanked; null while there is none. */
      latest: d.text("latest"),
      latestPublishedAt: d.instant("latest_published_at"),
      /** False while every version is yanked: such a package is not in lists. */
      listed: d.boolean("listed").notNull(),
      downloads: d.count("downloads").notNull(),
      createdAt: d.instant("created_at").notNull(),
      updatedAt: d.instant("updated_at").notNull(),
      /** Who published the first version; null for packages that are older than this column. */
      createdBy: d.text("created_by").references(() => users.id),
      /** The name as a hurried reader sees it: see registry/similar-names.ts. */
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
      /** What its versions show of manifests and warnings beyond `LONG_MANIFEST_BYTES` each; those that are older than this column do not count. */
      longManifestBytes: d.count("long_manifest_bytes").notNull().default(0),
    },
    (t) => [
      d.index("packages_created_by_idx").on(t.createdBy, t.createdAt),
      d.index("packages_skeleton_idx").on(t.nameSkeleton),
      // With the id, so that pages of lists are found without reading packages: search/list-page.ts.
      d.index("packages_updated_idx").on(t.listed, sql`updated_at DESC`, t.name, t.id),
      d.index("packages_downloads_idx").on(t.listed, sql`downloads DESC`, t.name, t.id),
      d.index("packages_name_idx").on(t.listed, t.name, t.id),
    ],
  );

  /** What listed packages are found and ranked by: see search/searchable.ts. Their words are in an index of each database's own. */
  const packageSearch = d.table(
    "package_search",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      name: d.byteOrderedText("name").notNull(),
      /** How popular it is, 0 to 7. */
      tier: d.count("tier").notNull(),
      downloads: d.count("downloads").notNull(),
      /** Words with a blank before and behind each. */
      nameWords: d.text("name_words").notNull(),
      tagWords: d.text("tag_words").notNull(),
      authorWords: d.text("author_words").notNull(),
      /** Of everything it is found by: who changes nothing writes nothing. */
      fingerprint: d.text("fingerprint").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId] })],
  );

  /** How many packages are listed, in one row: counting a million takes too long. */
  const listedPackages = d.table(
    "listed_packages",
    {
      /** Always 1. */
      id: d.count("id").notNull(),
      listed: d.count("listed").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.id] })],
  );

  const packageTags = d.table(
    "package_tags",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      tag: d.text("tag").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.tag] }), d.index("package_tags_tag_idx").on(t.tag, t.packageId)],
  );

  /** Who a package is found under with `author=`: its owners and the maintainers its manifest names, case folded. */
  const packageAuthors = d.table(
    "package_authors",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      author: d.text("author").notNull(),
    },
    (t) => [
      d.primaryKey({ columns: [t.packageId, t.author] }),
      d.index("package_authors_author_idx").on(t.author, t.packageId),
    ],
  );

  const versions = d.table(
    "versions",
    {
      id: d.identity("id"),
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id),
      /** As published; may carry build metadata. */
      version: d.text("version").notNull(),
      /** Without build metadata, which does not make a version different: unique per package, for ever. */
      versionKey: d.text("version_key").notNull(),
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
      yankedAt: d.instant("yanked_at"),
      yankReason: d.text("yank_reason"),
      yankMessage: d.text("yank_message"),
      yankReplacement: d.text("yank_replacement"),
      downloads: d.count("downloads").notNull(),
      quarantinedAt: d.instant("quarantined_at"),
      quarantineReason: d.text("quarantine_reason"),
      /** Signed when its key was already compromised, as an owner said: such a version stays yanked. */
      keyCompromised: d.boolean("key_compromised").notNull().default(false),
      /** Where the log has it; null only until a registry that is older than its log has started once. */
      logIndex: d.count("log_index"),
      /** How often it was yanked or taken back, as the log counts. */
      yankSeq: d.count("yank_seq").notNull().default(0),
    },
    (t) => [
      d.index("versions_published_by_idx").on(t.publishedBy, t.publishedAt),
      d.uniqueIndex("versions_package_key_idx").on(t.packageId, t.versionKey),
      d.index("versions_sha256_idx").on(t.sha256),
    ],
  );

  /** What `/files`, `/readme`, `/manifest` and `/values` answer, kept so that a read never unpacks an archive. */
  const versionContents = d.table(
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

  /** Blobs that `gc` removed or is removing, so that a publish of the same bytes notices: see packages/blob-removals.ts. */
  const blobRemovals = d.table("blob_removals", {
    sha256: d.text("sha256").primaryKey(),
    /** How often it was removed. */
    removals: d.count("removals").notNull(),
    /** True from before the blob is removed until after. */
    removing: d.boolean("removing").notNull(),
    changedAt: d.instant("changed_at").notNull(),
  });

  /** Names that an admin allows though they resemble popular ones. */
  const allowedNames = d.table("allowed_names", {
    name: d.text("name").primaryKey(),
    createdAt: d.instant("created_at").notNull(),
  });

  const packageOwners = d.table(
    "package_owners",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id),
      createdAt: d.instant("created_at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.userId] }), d.index("package_owners_user_idx").on(t.userId)],
  );

  const ownerInvitations = d.table(
    "owner_invitations",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id, { onDelete: "cascade" }),
      invitedBy: d.text("invited_by").notNull(),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.userId] }), d.index("owner_invitations_user_idx").on(t.userId)],
  );

  /** The keys that may sign, or signed, versions of a package. */
  const packageKeys = d.table(
    "package_keys",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      publicKey: d.text("public_key").notNull(),
      status: d.text("status", { enum: ["active", "superseded", "compromised"] }).notNull(),
      addedAt: d.instant("added_at").notNull(),
      /** When it ceased to be active. */
      endedAt: d.instant("ended_at"),
      /** With `compromised`: the id of the first version that is not trusted; ids are the order of publishing. */
      compromisedSince: d.count("compromised_since"),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.publicKey] })],
  );

  /** Every change of a package's keys after the first publish, as a leaf of the log (trust.md §4), chained by `previous`. */
  const packageKeyChanges = d.table(
    "package_key_changes",
    {
      id: d.identity("id"),
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      /** 1, 2, 3 … in a package. */
      seq: d.count("seq").notNull(),
      action: d.text("action", { enum: ["add", "remove", "reset", "cancel"] }).notNull(),
      publicKey: d.text("public_key").notNull(),
      /** The signed statement; null where an owner's session was enough. */
      statement: d.text("statement"),
      leaf: d.text("leaf").notNull(),
      leafSha256: d.text("leaf_sha256").notNull(),
      byUsername: d.text("by_username"),
      logIndex: d.count("log_index"),
      at: d.instant("at").notNull(),
    },
    (t) => [d.uniqueIndex("package_key_changes_seq_idx").on(t.packageId, t.seq)],
  );

  /** Resets that wait for their time; at most one for a package. */
  const packageKeyResets = d.table(
    "package_key_resets",
    {
      packageId: d
        .count("package_id")
        .notNull()
        .references(() => packages.id, { onDelete: "cascade" }),
      publicKey: d.text("public_key").notNull(),
      requestedBy: d.text("requested_by").notNull(),
      requestedAt: d.instant("requested_at").notNull(),
      effectiveAt: d.instant("effective_at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId] })],
  );

  /** The transparency log in one row, which whoever appends holds locked. */
  const logState = d.table(
    "log_state",
    {
      /** Always 1. */
      id: d.count("id").notNull(),
      origin: d.text("origin").notNull(),
      /** The verifier key in the form of signed notes. */
      vkey: d.text("vkey").notNull(),
      size: d.count("size").notNull(),
      /** Of the tree of this size, as hex. */
      root: d.text("root").notNull(),
      /** The signed note for size and root. */
      checkpoint: d.text("checkpoint").notNull(),
      /** What was published before there was a log is in it: nobody has to look for it at every start. */
      hasExisting: d.boolean("has_existing").notNull().default(false),
    },
    (t) => [d.primaryKey({ columns: [t.id] })],
  );

  /** Leaves of the last entry bundle while it is not full; then they are one row of `log_tiles`. */
  const logLeaves = d.table(
    "log_leaves",
    {
      index: d.count("idx").notNull(),
      leaf: d.text("leaf").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.index] })],
  );

  /** Tiles (c2sp.org/tlog-tiles): full ones of leaf hashes, those above as far as they go; level -1 has the entry bundles. */
  const logTiles = d.table(
    "log_tiles",
    {
      level: d.count("level").notNull(),
      index: d.count("idx").notNull(),
      data: d.bytes("data").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.level, t.index] })],
  );

  /** Every change of state, in the transaction that made it: see events/record-event.ts. */
  const events = d.table(
    "events",
    {
      id: d.identity("id"),
      /** Of Postgres, whose ids can become visible out of order; 0 on SQLite. */
      transactionId: d.count("transaction_id").notNull().default(d.transactionId),
      at: d.instant("at").notNull(),
      kind: d.text("kind").notNull(),
      userId: d.text("user_id"),
      username: d.text("username"),
      address: d.text("address"),
      tokenId: d.text("token_id"),
      packageName: d.text("package_name"),
      version: d.text("version"),
      details: d.json("details").$type<Json>().notNull(),
    },
    (t) => [
      d.index("events_order_idx").on(t.transactionId, t.id),
      d.index("events_package_idx").on(t.packageName, t.transactionId, t.id),
    ],
  );

  return {
    users,
    sessions,
    accountKeys,
    keyChallenges,
    apiTokens,
    loginFailures,
    packages,
    packageSearch,
    listedPackages,
    packageTags,
    packageAuthors,
    versions,
    versionContents,
    blobRemovals,
    allowedNames,
    packageOwners,
    ownerInvitations,
    packageKeys,
    packageKeyChanges,
    packageKeyResets,
    logState,
    logLeaves,
    logTiles,
    events,
  };
}
