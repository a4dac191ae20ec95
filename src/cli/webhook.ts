import type { ApiClient } from "../client/api-client.ts";
import { ClientFault, clientFault } from "../client/client-fault.ts";
import { each, getDocument, members, optional } from "../client/document-shape.ts";
import { durationMs } from "../runtime/duration-text.ts";
import { systemClock } from "../start/system-clock.ts";
import type { DeliveryView, WebhookView } from "../webhooks/webhook-view.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { type PasswordOptions, withLogin } from "./password-login.ts";
import { UsageError } from "./usage.ts";
import {
  DELIVERY_HEADINGS,
  deliveryRow,
  deliveryText,
  filterText,
  WEBHOOK_HEADINGS,
  webhookRow,
} from "./webhook-text.ts";

interface WebhookOptions extends Partial<ClientOptions>, PasswordOptions {}

/** Options of `webhook create`. */
export interface WebhookCreateOptions extends WebhookOptions {
  readonly event: readonly string[];
  readonly package: readonly string[];
}

/** Options of `webhook replay`. */
export interface WebhookReplayOptions extends WebhookOptions {
  readonly since: string | undefined;
}

const PATH = "/api/webhooks";
const LIST = members({
  items: each(
    members({
      id: "string",
      url: "string",
      events: each("string"),
      packages: each("string"),
      state: "string",
      disabledReason: optional("string"),
      failures: "number",
      nextAttemptAt: optional("string"),
      lastEventId: "number",
    }),
  ),
});
const DELIVERIES = members({
  items: each(
    members({
      at: "string",
      event: optional("number"),
      kind: "string",
      attempt: "number",
      outcome: "string",
      status: optional("number"),
      reason: optional("string"),
      durationMs: "number",
    }),
  ),
});

/** Makes a webhook and prints its secret, which is the only time that anybody sees it. */
export async function webhookCreate(given: WebhookCreateOptions, url: string): Promise<number> {
  const wish = { url, ...filter("events", given.event), ...filter("packages", given.package) };
  const context = clientContext(given);
  const client = await apiClient(context);
  const made = await withLogin(context, client, given, (session) =>
    session.client.send<WebhookView & { readonly secret: string }>("POST", PATH, wish),
  ).catch((cause: unknown) => {
    throw namingValues(cause, wish);
  });
  context.answer(made, made.secret);
  const { id } = made;
  context.prompt.note(`The webhook ${id} sends ${filterText(made)}.
Its secret is shown only now. The receiver checks messages with it.
To try the receiver: cpm-registry webhook test ${id}`);
  return 0;
}

/** A filter that is left out means everything. Each value may be several with commas. */
function filter(name: string, given: readonly string[]): Record<string, readonly string[]> {
  const values = given.flatMap((value) => value.split(",")).map((value) => value.trim());
  return values.length === 0 ? {} : { [name]: values };
}

/** The registry counts the values of a list. Whoever typed them knows them by what they say. */
function namingValues(cause: unknown, wish: Record<string, unknown>): unknown {
  if (!(cause instanceof ClientFault) || cause.problem.errors === undefined) return cause;
  const errors = cause.problem.errors.map((line) => {
    const [, list = "", at = ""] = /^\/(\w+)\/(\d+)$/.exec(line.path) ?? [];
    const values = wish[list];
    return Array.isArray(values) ? { ...line, path: `'${values[Number(at)]}'` } : line;
  });
  return new ClientFault(cause.kind, { ...cause.problem, errors });
}

/** Lists the webhooks of the account, without their secrets. */
export async function webhookList(given: WebhookOptions): Promise<number> {
  const context = clientContext(given);
  const items = await withLogin(context, await apiClient(context), given, ({ client }) => webhooksOf(client));
  context.answer({ items }, rowsText(context, WEBHOOK_HEADINGS, items.map(webhookRow)));
  return 0;
}

/** Sends a test message. Returns 1 if the receiver did not take it. */
export async function webhookTest(given: WebhookOptions, named: string): Promise<number> {
  const context = clientContext(given);
  const delivery = await withWebhook(context, given, named, ({ client, path }) =>
    client.send<DeliveryView>("POST", `${path}/test`),
  );
  const text = deliveryText(delivery);
  if (delivery.outcome === "delivered") {
    context.answer(delivery, text);
    return 0;
  }
  const fault = clientFault("failed", "client_webhook_refused", text);
  if (!context.options.json) throw fault;
  context.answer({ ...delivery, error: fault.problem }, "");
  return fault.exitCode;
}

/** Lists the last attempts to deliver, the newest first. */
export async function webhookDeliveries(given: WebhookOptions, named: string): Promise<number> {
  const context = clientContext(given);
  const { items, id } = await withWebhook(context, given, named, async ({ client, path, webhook }) => {
    const found = await getDocument<{ items: readonly DeliveryView[] }>(client, `${path}/deliveries`, DELIVERIES);
    return { ...found, id: webhook.id };
  });
  context.answer({ items }, rowsText(context, DELIVERY_HEADINGS, items.map(deliveryRow)));
  if (items.length === 0) context.prompt.note(`Nothing was sent yet. To try it: cpm-registry webhook test ${id}`);
  return 0;
}

/** Sends events again, and lets a disabled webhook work again. */
export async function webhookReplay(given: WebhookReplayOptions, named: string): Promise<number> {
  const context = clientContext(given);
  const since = given.since === undefined ? undefined : timeOf(given.since, systemClock());
  const { before, after } = await withWebhook(context, given, named, async ({ client, path, webhook }) => {
    const query = since === undefined ? "" : `?${new URLSearchParams({ since })}`;
    return { before: webhook, after: await client.send<WebhookView>("POST", `${path}/replay${query}`) };
  });
  const what = since === undefined ? "what was not delivered yet" : `what happened since ${since}`;
  context.answer(after, `The webhook sends ${what}. To watch: cpm-registry webhook deliveries ${after.id}`);
  if (before.state !== "active" && after.lastEventId > before.lastEventId)
    context.prompt.note(`Warning: events from before ${since} that were not delivered are passed over.
To send them too, name an earlier time, or leave out --since.`);
  return 0;
}

/** Removes a webhook. */
export async function webhookRemove(given: WebhookOptions, named: string): Promise<number> {
  const context = clientContext(given);
  const removed = await withWebhook(context, given, named, async ({ client, path, webhook }) => {
    await confirm(context, `Remove the webhook ${webhook.id}? Nothing more is sent to ${webhook.url}.`);
    await client.request({ method: "DELETE", path, accepts: [404], isRepeatable: true });
    return webhook;
  });
  context.answer({ removed }, `The webhook ${removed.id} is removed. Nothing more is sent to ${removed.url}.`);
  return 0;
}

/** Reads `--since`: a time, a day, or how long ago. Returns it as the API takes it. */
function timeOf(text: string, now: Date): string {
  const ago = durationMs(text);
  const isTime = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = ago === undefined ? new Date(isTime ? text : Number.NaN) : new Date(now.getTime() - ago);
  if (Number.isNaN(time.getTime()) || time > now)
    throw new UsageError(
      `--since needs a time in the past, such as 2026-01-31, 2026-01-31T12:00:00Z or 24h, not '${text}'.`,
    );
  return time.toISOString();
}

/** The webhook that a command means, with its address in the API and a session that may change it. */
interface Found {
  readonly client: ApiClient;
  readonly path: string;
  readonly webhook: WebhookView;
}

/** An API token must not see webhooks, so these commands log in for a moment. */
async function withWebhook<T>(
  context: ClientContext,
  given: WebhookOptions,
  named: string,
  work: (found: Found) => Promise<T>,
): Promise<T> {
  return withLogin(context, await apiClient(context), given, async ({ client }) => {
    const webhook = theOne(await webhooksOf(client), named);
    return work({ client, webhook, path: `${PATH}/${encodeURIComponent(webhook.id)}` });
  });
}

async function webhooksOf(client: ApiClient): Promise<readonly WebhookView[]> {
  return (await getDocument<{ items: readonly WebhookView[] }>(client, PATH, LIST)).items;
}

/**
 * Finds the webhook that is named. An empty name, as from an empty variable of a script, finds
 * none.
 */
function theOne(webhooks: readonly WebhookView[], named: string): WebhookView {
  const found = webhooks.filter(({ id, url }) => (named !== "" && id.startsWith(named)) || url === named);
  const [webhook] = found;
  if (found.length === 1 && webhook !== undefined) return webhook;
  const detail =
    found.length === 0
      ? `You have no webhook with the id or address '${named}'. To see them: cpm-registry webhook list`
      : `${found.length} webhooks fit '${named}'. Name one by its id: ${found.map(({ id }) => id).join(", ")}`;
  throw clientFault("failed", "client_webhook_unknown", detail);
}
