import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { resolveHost } from "./endpoint.ts";
import { findWebhook } from "./find-webhook.ts";
import { TEST_KIND, testMessage } from "./message.ts";
import { sendMessage } from "./send-message.ts";
import { insertDelivery } from "./turns.ts";
import { type DeliveryView, deliveryView } from "./webhook-view.ts";

/** A test may take ten seconds, and nobody needs many. */
const tests = new Semaphore(4, 8, 5_000);

/**
 * The accounts whose tests run. One at a time, so that a slow receiver of one leaves room for
 * others.
 */
const testing = new Set<string>();
const RETRY_AFTER_SECONDS = 10;

const NEVER = new AbortController().signal;

type TestDeps = Pick<Deps, "db" | "clock" | "config" | "jwtKeys" | "metrics">;

/**
 * Sends one message of the kind `webhook.test` and waits for the answer. It changes nothing but the
 * list of deliveries, and works for a disabled webhook too. Throws
 * `webhook_not_found`, and `busy` while many tests run, or another one of the account.
 */
export async function testWebhook(deps: TestDeps, { user }: SessionActor, id: string): Promise<DeliveryView> {
  const { db, clock, metrics } = deps;
  const webhook = await db.read((session) => findWebhook(session, user.id, id));
  const sending = { ...deps, resolve: resolveHost };
  if (testing.has(user.id)) throw failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS });
  testing.add(user.id);
  const { isGone, ...ending } = await tests
    .run(() => sendMessage(sending, webhook, testMessage(clock()), NEVER))
    .finally(() => testing.delete(user.id));
  metrics.webhookDeliveries.inc({ outcome: ending.outcome });
  const row = { ...ending, eventId: null, kind: TEST_KIND, attempt: 1, at: clock() };
  await db.write(async (session) => {
    await findWebhook(session, user.id, id);
    await insertDelivery(session, id, row);
  });
  return deliveryView(row);
}
