import type { Dialect } from "../dialect.ts";

/** The table of accounts, to which other tables refer. */
export type UsersTable = ReturnType<typeof usersTable>;

/** Declares accounts and what belongs to one account: sessions, keys, tokens and failed logins. */
export function accountTables(d: Dialect) {
  const users = usersTable(d);
  return {
    users,
    sessions: sessionsTable(d, users),
    accountKeys: accountKeysTable(d, users),
    keyChallenges: keyChallengesTable(d, users),
    apiTokens: apiTokensTable(d, users),
    loginFailures: loginFailuresTable(d),
    loginNetworks: loginNetworksTable(d, users),
    accountLinks: accountLinksTable(d, users),
  };
}

/** Declares `user_id` of a row that is deleted with its account. */
export function userIdColumn(d: Dialect, users: UsersTable) {
  return d
    .text("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });
}

function usersTable(d: Dialect) {
  return d.table("users", {
    id: d.text("id").primaryKey(),
    username: d.text("username").notNull(),
    usernameFolded: d.text("username_folded").notNull().unique(),
    /**
     * The name with letters that look alike made equal: see domain/similar-names.ts. Null for an
     * account from before this column whose name resembles that of an older account.
     */
    usernameSkeleton: d.text("username_skeleton").unique(),
    email: d.text("email").notNull(),
    emailFolded: d.text("email_folded").notNull().unique(),
    passwordHash: d.text("password_hash").notNull(),
    role: d.text("role", { enum: ["user", "admin"] }).notNull(),
    createdAt: d.instant("created_at").notNull(),
    /**
     * From this time neither the password nor the tokens of the account work; null for an account
     * in use.
     */
    disabledAt: d.instant("disabled_at"),
    /** When its personal data were deleted. Such an account stays disabled for ever. */
    forgottenAt: d.instant("forgotten_at"),
  });
}

/**
 * Declares the links by which an operator lets somebody register, or set a new password. A used
 * link is deleted.
 */
function accountLinksTable(d: Dialect, users: UsersTable) {
  return d.table(
    "account_links",
    {
      /** SHA-256 of the token in the link, in hex. The token itself is never stored. */
      tokenSha256: d.text("token_sha256").primaryKey(),
      kind: d.text("kind", { enum: ["invitation", "reset"] }).notNull(),
      /** Whose password it sets; null in an invitation. */
      userId: d.text("user_id").references(() => users.id, { onDelete: "cascade" }),
      /** The only e-mail address that may register with it; null for any. */
      email: d.text("email"),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.index("account_links_user_idx").on(t.userId), d.index("account_links_expires_idx").on(t.expiresAt)],
  );
}

function sessionsTable(d: Dialect, users: UsersTable) {
  return d.table(
    "sessions",
    {
      id: d.text("id").primaryKey(),
      userId: userIdColumn(d, users),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.index("sessions_user_idx").on(t.userId), d.index("sessions_expires_idx").on(t.expiresAt)],
  );
}

/**
 * Declares the signing keys of accounts. Each key is checked to be torsion-free once, before it is
 * stored.
 */
function accountKeysTable(d: Dialect, users: UsersTable) {
  return d.table(
    "account_keys",
    {
      id: d.identity("id"),
      userId: userIdColumn(d, users),
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
}

/** Declares the nonces that were issued for proofs of possession and not used yet. */
function keyChallengesTable(d: Dialect, users: UsersTable) {
  return d.table(
    "key_challenges",
    {
      nonce: d.text("nonce").primaryKey(),
      userId: userIdColumn(d, users),
      publicKey: d.text("public_key").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.index("key_challenges_user_idx").on(t.userId, t.expiresAt)],
  );
}

function apiTokensTable(d: Dialect, users: UsersTable) {
  return d.table(
    "api_tokens",
    {
      id: d.text("id").primaryKey(),
      userId: userIdColumn(d, users),
      label: d.text("label").notNull(),
      /** SHA-256 of the token's text in hex. The text itself is never stored. */
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
}

/**
 * Declares failed logins and registrations, by typed name and by network. They are rows so that all
 * replicas share one count.
 */
function loginFailuresTable(d: Dialect) {
  return d.table(
    "login_failures",
    {
      /** A kind and a digest, so that nothing a stranger typed is stored. */
      key: d.text("key").primaryKey(),
      /** The digest of the typed name; null in a count of a network alone. */
      nameDigest: d.text("name_digest"),
      failures: d.count("failures").notNull(),
      /** The time of the first failure that is counted. */
      since: d.instant("since").notNull(),
      lastAt: d.instant("last_at").notNull(),
    },
    (t) => [d.index("login_failures_last_idx").on(t.lastAt), d.index("login_failures_name_idx").on(t.nameDigest)],
  );
}

/** Declares the networks from which an account logged in, by the name that was typed there. */
function loginNetworksTable(d: Dialect, users: UsersTable) {
  return d.table(
    "login_networks",
    {
      /** A digest of typed name and network, so that no address is stored. */
      key: d.text("key").primaryKey(),
      userId: userIdColumn(d, users),
      lastAt: d.instant("last_at").notNull(),
    },
    (t) => [d.index("login_networks_user_idx").on(t.userId, t.lastAt)],
  );
}
