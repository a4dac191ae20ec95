import { t } from "elysia";
import { wholeNumber } from "../http/integer-parameter.ts";

/** The events of one page where a request asks for no other number. */
export const LIMIT_DEFAULT = 100;
/**
 * The largest values as powers of ten: more IDs than there will be events, and a thousand events at
 * once.
 */
const AFTER_MAX_ZEROS = 15;
const LIMIT_MAX_ZEROS = 3;

/** The query of both feeds of events. */
export const EventsQuery = t.Object({
  after: t.Optional(
    wholeNumber({
      description: "The `next` of the previous response; 0 for the first events",
      minimum: 0,
      zeros: AFTER_MAX_ZEROS,
      preset: 0,
    }),
  ),
  limit: t.Optional(
    wholeNumber({ description: "The maximum number of events", zeros: LIMIT_MAX_ZEROS, preset: LIMIT_DEFAULT }),
  ),
});

const NullableText = (description?: string) =>
  t.Unsafe<string | null>({ type: "string", nullable: true, ...(description === undefined ? {} : { description }) });

const packageEventFields = {
  id: t.Integer(),
  at: t.String({ format: "date-time" }),
  kind: t.String({ description: "The kind of the event, such as version.published" }),
  user: NullableText("The user name; null for an operator of the registry"),
  package: NullableText(),
  version: NullableText(),
  details: t.Record(t.String(), t.Unknown(), { description: "Depends on the kind" }),
};

const next = t.Integer({
  description: "The `after` of the next request. Without new events, the same value as in this one",
});

/** By their names in /swagger/json. */
export const eventSchemas = {
  Event: t.Object({
    ...packageEventFields,
    address: NullableText("The address of the client"),
    tokenId: NullableText("The ID of the API token; null for a password session"),
  }),
  EventList: t.Object({ items: t.Array(t.Unsafe({ $ref: "#/components/schemas/Event" })), next }),
  PackageEvent: t.Object(packageEventFields),
  PackageEventList: t.Object({ items: t.Array(t.Unsafe({ $ref: "#/components/schemas/PackageEvent" })), next }),
};
