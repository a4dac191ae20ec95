import { index, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { count, identity, instant, json } from "./columns.ts";

export const users = sqliteTable("users", {
  id: text("id").primaryKey(),
  username: text("username").notNull(),
  usernameFolded: text("username_folded").notNull().unique(),
  email: text("email").notNull(),
  emailFolded: text("email_folded").notNull().unique(),
  passwordHash: text("password_hash").notNull(),
  role: text("role", { enum: ["user", "admin"] }).notNull(),
  createdAt: instant("created_at").notNull(),
  /** Since when neither its password nor its tokens work; null for an account in use. */
  disabledAt: instant("disabled_at"),
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

/** Signing keys of accounts. Every one is torsion-free: that check is made once, before it is stored. */
export const accountKeys = sqliteTable(
  "account_keys",
  {
    id: identity("id"),
    userId: text("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    /** Lower-case hex. */
    publicKey: text("public_key").notNull(),
    label: text("label").notNull(),
    createdAt: instant("created_at").notNull(),
    retiredAt: instant("retired_at"),
  },
  (t) => [
    uniqueIndex("account_keys_user_key_idx").on(t.userId, t.publicKey),
    index("account_keys_public_key_idx").on(t.publicKey),
  ],
);

/** Nonces that were handed out for proofs of possession and not used yet. */
export const keyChallenges = sqliteTable(
  "key_challenges",
  {
    nonce: text("nonce").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    publicKey: text("public_key").notNull(),
    expiresAt: instant("expires_at").notNull(),
  },
  (t) => [index("key_challenges_user_idx").on(t.userId, t.expiresAt)],
);

export const apiTokens = sqliteTable(
  "api_tokens",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    label: text("label").notNull(),
    /** SHA-256 of the token's text in hex; the text itself is stored nowhere. */
    tokenSha256: text("token_sha256").notNull().unique(),
    scopes: json("scopes").$type<string[]>().notNull(),
    /** Names and patterns such as `foo-*`. */
    packages: json("packages").$type<string[]>().notNull(),
    createdAt: instant("created_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
    lastUsedAt: instant("last_used_at"),
    revokedAt: instant("revoked_at"),
  },
  (t) => [index("api_tokens_user_idx").on(t.userId)],
);

/** Failed logins by account, unknown name or address, so that replicas count together. */
export const loginFailures = sqliteTable(
  "login_failures",
  {
    /** A kind and a digest: nothing typed by a stranger is stored. */
    key: text("key").primaryKey(),
    failures: count("failures").notNull(),
    /** Of the first failure that is counted. */
    since: instant("since").notNull(),
    lastAt: instant("last_at").notNull(),
  },
  (t) => [index("login_failures_last_idx").on(t.lastAt)],
);
