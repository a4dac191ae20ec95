import { Elysia } from "elysia";
import { authentication, guardedJson } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { BODY_PROBLEMS, operation } from "../http/operation.ts";
import { createWebhook } from "./create-webhook.ts";
import { listDeliveries, listWebhooks, readWebhook } from "./list-webhooks.ts";
import { removeWebhook } from "./remove-webhook.ts";
import { replayWebhook } from "./replay-webhook.ts";
import { CreateWebhookBody, ReplayQuery, WEBHOOK_DEFAULTS } from "./schemas.ts";
import { testWebhook } from "./test-webhook.ts";

const shared = { tag: "operations", auth: "session" } as const;

const docs = {
  list: operation({
    ...shared,
    id: "listWebhooks",
    summary: "The webhooks of this account",
    responses: { 200: { description: "The webhooks, without their secrets", schema: "WebhookList" } },
    problems: [],
  }),
  create: operation({
    ...shared,
    id: "createWebhook",
    summary: "Make a webhook",
    description:
      "The registry sends the events from now on to the address, signed as Standard Webhooks 1.0: to administrators all events, to others those of packages that they own.",
    responses: { 201: { description: "The webhook. Its secret is shown only here", schema: "NewWebhook" } },
    problems: ["limit_reached", "storage_full", ...BODY_PROBLEMS],
  }),
  read: operation({
    ...shared,
    id: "getWebhook",
    summary: "A webhook",
    responses: { 200: { description: "The webhook, without its secret", schema: "Webhook" } },
    problems: ["webhook_not_found"],
  }),
  remove: operation({
    ...shared,
    id: "removeWebhook",
    summary: "Remove a webhook",
    responses: { 204: { description: "The webhook is removed" } },
    problems: ["webhook_not_found", "storage_full"],
  }),
  test: operation({
    ...shared,
    id: "testWebhook",
    summary: "Send a test message",
    description: "Sends a message of the type webhook.test and waits for the answer, at most ten seconds.",
    responses: { 200: { description: "How it went", schema: "WebhookDelivery" } },
    problems: ["webhook_not_found", "busy", "storage_full"],
  }),
  deliveries: operation({
    ...shared,
    id: "listWebhookDeliveries",
    summary: "The last deliveries of a webhook",
    responses: { 200: { description: "At most 100 attempts, the newest first", schema: "WebhookDeliveryList" } },
    problems: ["webhook_not_found"],
  }),
  replay: operation({
    ...shared,
    id: "replayWebhook",
    summary: "Send events again",
    description:
      "Sends the events since a time again, and perhaps a few earlier ones. A disabled webhook works again. Messages keep their IDs.",
    responses: { 200: { description: "The webhook", schema: "Webhook" } },
    problems: ["webhook_not_found", "validation_failed", "storage_full"],
  }),
};

function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  const message = "must be a time that exists, such as 2026-01-31T00:00:00Z";
  throw failure({ code: "validation_failed", faults: [{ path: "/since", message }] });
}

/** Routes of `/webhooks`. An API token reaches none of them. */
export function webhookRoutes(deps: Deps) {
  return new Elysia({ prefix: "/webhooks" })
    .use(authentication(deps))
    .get("", async ({ actor }) => ({ items: await listWebhooks(deps, actor) }), { session: true, detail: docs.list })
    .post(
      "",
      async ({ actor, db, body, status }) => {
        const { url, events = WEBHOOK_DEFAULTS.events, packages = WEBHOOK_DEFAULTS.packages } = body;
        return status(201, await createWebhook({ ...deps, db }, actor, { url, events, packages }));
      },
      { session: true, parse: guardedJson(deps, "session"), body: CreateWebhookBody, detail: docs.create },
    )
    .get("/:id", ({ actor, params }) => readWebhook(deps, actor, params.id), { session: true, detail: docs.read })
    .delete(
      "/:id",
      async ({ actor, db, params }) => {
        await removeWebhook({ ...deps, db }, actor, params.id);
        return new Response(null, { status: 204 });
      },
      { session: true, parse: "none", detail: docs.remove },
    )
    .post("/:id/test", ({ actor, db, params }) => testWebhook({ ...deps, db }, actor, params.id), {
      session: true,
      parse: "none",
      detail: docs.test,
    })
    .get("/:id/deliveries", async ({ actor, params }) => ({ items: await listDeliveries(deps, actor, params.id) }), {
      session: true,
      detail: docs.deliveries,
    })
    .post(
      "/:id/replay",
      ({ actor, db, params, query }) => replayWebhook({ ...deps, db }, actor, params.id, timeOf(query.since)),
      { session: true, parse: "none", query: ReplayQuery, detail: docs.replay },
    );
}
