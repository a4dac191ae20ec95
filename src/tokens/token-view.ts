import type { Tables } from "../db/database.ts";

/** An API token as its owner sees it, without its text. */
export interface TokenView {
  readonly id: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly packages: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Updated at most once a minute. */
  readonly lastUsedAt: string | null;
}

/** Makes the view of a token. */
export function tokenView(row: Tables["apiTokens"]["$inferSelect"]): TokenView {
  const { id, label, scopes, packages, createdAt, expiresAt, lastUsedAt } = row;
  return {
    id,
    label,
    scopes,
    packages,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
