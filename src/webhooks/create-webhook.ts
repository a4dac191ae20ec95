import { eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { parseEndpoint } from "./endpoint.ts";
import { newestEventId } from "./newest-event.ts";
import { newSecret, sealSecret } from "./secret.ts";
import { type WebhookView, webhookView } from "./webhook-view.ts";

const WEBHOOKS_MAX = 10;

/** Where to send which events. */
export interface WebhookRequest {
  readonly url: string;
  /** Kinds of events, and patterns such as `version.*` and `*`. */
  readonly events: readonly string[];
  /** Names of packages, and patterns such as `foo-*` and `*`. */
  readonly packages: readonly string[];
}

/**
 * Makes a webhook for the events from now on. Its secret is returned here and never again. Throws
 * `validation_failed` for an address that is not allowed, and `limit_reached`.
 */
export async function createWebhook(
  { db, clock, config, jwtKeys }: Pick<Deps, "db" | "clock" | "config" | "jwtKeys">,
  { user, origin }: SessionActor,
  { url, events, packages }: WebhookRequest,
): Promise<WebhookView & { readonly secret: string }> {
  const now = clock();
  const id = crypto.randomUUID();
  const secret = newSecret();
  const row = {
    id,
    userId: user.id,
    url: parseEndpoint(config, url),
    kinds: [...new Set(events)],
    packages: [...new Set(packages)],
    sealedSecret: sealSecret(jwtKeys, id, secret),
    createdAt: now,
    failures: 0,
    nextAttemptAt: null,
    leaseHolder: null,
    leaseUntil: now,
    disabledAt: null,
    disabledReason: null,
  };
  const created = await db.write(async (session) => {
    const { webhooks } = session.tables;
    if ((await session.query.$count(webhooks, eq(webhooks.userId, user.id))) >= WEBHOOKS_MAX) {
      throw failure({ code: "limit_reached", what: "webhooks of one account", max: WEBHOOKS_MAX });
    }
    const whole = { ...row, lastEventId: await newestEventId(session, db.kind) };
    await session.query.insert(webhooks).values(whole);
    // Only the host: the rest of such an address is often a secret.
    const details = { id, host: new URL(row.url).host, events: row.kinds, packages: row.packages };
    await recordEvent(session, origin, "webhook.created", now, { details });
    return whole;
  });
  return { ...webhookView(created), secret };
}
