import { index, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { users } from "./accounts.ts";
import { count, identity, instant } from "./columns.ts";
import { packages } from "./packages.ts";

export const packageOwners = pgTable(
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

export const ownerInvitations = pgTable(
  "owner_invitations",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    userId: text("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    invitedBy: text("invited_by").notNull(),
    createdAt: instant("created_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.packageId, t.userId] }), index("owner_invitations_user_idx").on(t.userId)],
);

/** The keys that may sign, or signed, versions of a package. */
export const packageKeys = pgTable(
  "package_keys",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    publicKey: text("public_key").notNull(),
    status: text("status", { enum: ["active", "superseded", "compromised"] }).notNull(),
    addedAt: instant("added_at").notNull(),
    /** When it ceased to be active. */
    endedAt: instant("ended_at"),
    /** With `compromised`: the id of the first version that is not trusted; ids are the order of publishing. */
    compromisedSince: count("compromised_since"),
  },
  (t) => [primaryKey({ columns: [t.packageId, t.publicKey] })],
);

/** Every change of a package's keys after the first publish, as a leaf of the log (trust.md §4), chained by `previous`. */
export const packageKeyChanges = pgTable(
  "package_key_changes",
  {
    id: identity("id"),
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    /** 1, 2, 3 … in a package. */
    seq: count("seq").notNull(),
    action: text("action", { enum: ["add", "remove", "reset", "cancel"] }).notNull(),
    publicKey: text("public_key").notNull(),
    /** The signed statement; null where an owner's session was enough. */
    statement: text("statement"),
    leaf: text("leaf").notNull(),
    leafSha256: text("leaf_sha256").notNull(),
    byUsername: text("by_username"),
    logIndex: count("log_index"),
    at: instant("at").notNull(),
  },
  (t) => [uniqueIndex("package_key_changes_seq_idx").on(t.packageId, t.seq)],
);

/** Resets that wait for their time; at most one for a package. */
export const packageKeyResets = pgTable(
  "package_key_resets",
  {
    packageId: count("package_id")
      .notNull()
      .references(() => packages.id, { onDelete: "cascade" }),
    publicKey: text("public_key").notNull(),
    requestedBy: text("requested_by").notNull(),
    requestedAt: instant("requested_at").notNull(),
    effectiveAt: instant("effective_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.packageId] })],
);
