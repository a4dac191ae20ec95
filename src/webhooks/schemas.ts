import { t } from "elysia";
import { EVENT_KINDS } from "../audit/record-event.ts";

const PATTERNS_MAX = 100;
const URL_MAX_CHARS = 2_000;

/** Such as `version`: the part of kinds before the dot, which `version.*` covers. */
const GROUPS = [...new Set(EVENT_KINDS.map((kind) => kind.replace(/\..*/, "")))];

const Kind = t.UnionEnum(["*", ...GROUPS.map((group) => `${group}.*` as const), ...EVENT_KINDS], {
  error: "must be the kind of an event such as version.published, a group such as version.*, or * for all",
});

const Pattern = t.String({
  maxLength: 65,
  pattern: "^(?:\\*|[a-z0-9]+(?:[-_.][a-z0-9]+)*(?:[-_.]?\\*)?)$",
  error: "must be the name of a package, names with one beginning such as foo-*, or * for all",
});

/** The filters of a webhook where a request leaves them out: everything. */
export const WEBHOOK_DEFAULTS = { events: ["*"], packages: ["*"] } as const;

/** Shorter than what is accepted: a pattern of all addresses is as long as their standard. */
const ADDRESS = "^https://[a-z][a-z0-9]{0,20}(?:[.][a-z][a-z0-9]{0,20}){1,3}(?:/[a-z0-9]{1,20}){0,3}$";

/** The body of `POST /api/webhooks`. */
export const CreateWebhookBody = t.Object({
  url: t.String({
    minLength: 1,
    maxLength: URL_MAX_CHARS,
    error: `must be an address of at most ${URL_MAX_CHARS} characters that begins with https://`,
    documentedAs: { type: "string", maxLength: URL_MAX_CHARS, pattern: ADDRESS },
  }),
  events: t.Optional(
    t.Array(Kind, {
      minItems: 1,
      maxItems: PATTERNS_MAX,
      default: ["*"],
      error: `must be a list of at most ${PATTERNS_MAX} kinds of events`,
    }),
  ),
  packages: t.Optional(
    t.Array(Pattern, {
      minItems: 1,
      maxItems: PATTERNS_MAX,
      default: ["*"],
      error: `must be a list of at most ${PATTERNS_MAX} names or patterns`,
    }),
  ),
});

const RFC3339 = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$";

/** Leaves out the days that some months lack; the check refuses those that do not exist. */
const DOCUMENTED_TIME = "^20\\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\dZ$";

/** The query of `POST /api/webhooks/{id}/replay`. */
export const ReplayQuery = t.Object({
  since: t.Optional(
    t.String({
      pattern: RFC3339,
      maxLength: 40,
      description: "A time in RFC 3339. Without it, what was not delivered yet is sent",
      error: "must be a time such as 2026-01-31T00:00:00Z",
      documentedAs: { type: "string", maxLength: 40, pattern: DOCUMENTED_TIME },
    }),
  ),
});

const nullableTime = t.Unsafe<string | null>({ type: "string", format: "date-time", nullable: true });
const NullableText = (description: string) => t.Unsafe<string | null>({ type: "string", nullable: true, description });
const NullableInteger = (description: string) =>
  t.Unsafe<number | null>({ type: "integer", nullable: true, description });

const webhookFields = {
  id: t.String(),
  url: t.String(),
  events: t.Array(t.String({ description: "Kind, or group such as version.*" })),
  packages: t.Array(t.String({ description: "Name, or pattern such as foo-*" })),
  createdAt: t.String({ format: "date-time" }),
  state: t.UnionEnum(["active", "retrying", "disabled"], { description: "disabled: nothing is sent until a replay" }),
  disabledReason: NullableText("Why it is disabled; null while it is not"),
  disabledAt: nullableTime,
  failures: t.Integer({ description: "How often the next event was tried in vain" }),
  nextAttemptAt: nullableTime,
  lastEventId: t.Integer({ description: "The last event that was delivered or passed over; 0 for none" }),
};

const Delivery = t.Object({
  at: t.String({ format: "date-time" }),
  event: NullableInteger("The ID of the event; null for a test"),
  kind: t.String({ description: "The kind of the event, or webhook.test" }),
  attempt: t.Integer({ description: "1 for the first attempt of an event" }),
  outcome: t.UnionEnum(["delivered", "failed", "refused"], {
    description: "refused: nothing was sent, because the address is not allowed",
  }),
  status: NullableInteger("The HTTP status; null if there was no answer"),
  reason: NullableText("Why it was not delivered"),
  durationMs: t.Integer(),
});

const listOf = (name: string) => t.Object({ items: t.Array(t.Unsafe({ $ref: `#/components/schemas/${name}` })) });

/** By their names in /swagger/json. */
export const webhookSchemas = {
  Webhook: t.Object(webhookFields),
  WebhookList: listOf("Webhook"),
  NewWebhook: t.Object({
    ...webhookFields,
    secret: t.String({ description: "Verifies the messages (Standard Webhooks): shown here and never again" }),
  }),
  WebhookDelivery: Delivery,
  WebhookDeliveryList: listOf("WebhookDelivery"),
};
