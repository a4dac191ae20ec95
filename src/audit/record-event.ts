import type { DbSession, Tables } from "../db/database.ts";
import type { Json } from "../db/json.ts";
import { change, placeholders } from "../db/statement.ts";

/** Every change of state that is recorded as an event. */
export const EVENT_KINDS = [
  "account.created",
  "account.password_changed",
  "account.password_reset",
  "account.role_granted",
  "account.role_revoked",
  "account.disabled",
  "account.enabled",
  "account.invited",
  "account.invitation_withdrawn",
  "account.forgotten",
  "account.deleted",
  "session.started",
  "session.ended",
  "token.created",
  "token.revoked",
  "key.registered",
  "key.retired",
  "package.created",
  "package.status_changed",
  "package.quarantined",
  "package.released",
  "package.taken_down",
  "package_key.pinned",
  "package_key.added",
  "package_key.removed",
  "package_key.reset_requested",
  "package_key.reset_cancelled",
  "package_key.reset_upheld",
  "package_key.reset_effective",
  "owner.invited",
  "owner.invitation_withdrawn",
  "owner.added",
  "owner.removed",
  "version.published",
  "version.secrets_allowed",
  "version.yanked",
  "version.unyanked",
  "version.quarantined",
  "version.released",
  "version.taken_down",
  "name.allowed",
  "registry.read_only",
  "registry.writable",
  "registry.recovered",
  "webhook.created",
  "webhook.removed",
  "webhook.replayed",
  "webhook.disabled",
] as const;

/** One of `EVENT_KINDS`. */
export type EventKind = (typeof EVENT_KINDS)[number];

/**
 * Who made a change, from which address and with which API token. Without an account it was the
 * operator, with the command line.
 */
export interface Origin {
  readonly userId: string | null;
  readonly username: string | null;
  readonly address: string | null;
  readonly tokenId: string | null;
}

/** The operator: somebody with a shell on the machine of the registry. */
export const OPERATOR: Origin = { userId: null, username: null, address: null, tokenId: null };

/** The origin of a change without an account: the holder of a key signed it, or a timer made it. */
export const NOBODY: Origin = OPERATOR;

/**
 * What an event is about. `details` contains IDs, codes and words of this program, and never a
 * secret, a password or a token.
 */
export interface EventSubject {
  readonly packageName?: string;
  readonly version?: string;
  readonly details?: { readonly [field: string]: Json | undefined };
}

type EventRow = Omit<Tables["events"]["$inferSelect"], "id" | "transactionId">;

const insertEvent = change<EventRow>(({ query, tables: { events } }) =>
  query.insert(events).values(placeholders(events, "id", "transactionId")),
);

/**
 * Records an event in the transaction that makes the change, so that neither exists without the
 * other.
 */
export async function recordEvent(
  session: DbSession,
  origin: Origin,
  kind: EventKind,
  at: Date,
  { packageName = undefined, version = undefined, details = {} }: EventSubject = {},
): Promise<void> {
  const { userId, username, address, tokenId } = origin;
  const about = { packageName: packageName ?? null, version: version ?? null, details };
  await insertEvent(session, { at, kind, userId, username, address, tokenId, ...about });
}
