import { t } from "elysia";
import { wholeNumber } from "../http/integer-parameter.ts";

export const LIMIT_DEFAULT = 100;
/** Largest numbers, as powers of ten: more ids than there will be events, and a thousand events at once. */
const AFTER_MAX_ZEROS = 15;
const LIMIT_MAX_ZEROS = 3;

export const EventsQuery = t.Object({
  after: t.Optional(
    wholeNumber({
      description: "The `next` of the answer before; 0 from the beginning",
      minimum: 0,
      zeros: AFTER_MAX_ZEROS,
      preset: 0,
    }),
  ),
  limit: t.Optional(
    wholeNumber({ description: "How many events at most", zeros: LIMIT_MAX_ZEROS, preset: LIMIT_DEFAULT }),
  ),
});

const NullableText = (description?: string) =>
  t.Unsafe<string | null>({ type: "string", nullable: true, ...(description === undefined ? {} : { description }) });

const packageEventFields = {
  id: t.Integer(),
  at: t.String({ format: "date-time" }),
  kind: t.String({ description: "Such as version.published" }),
  user: NullableText("Who did it; null: an operator of the registry"),
  package: NullableText(),
  version: NullableText(),
  details: t.Record(t.String(), t.Unknown(), { description: "By kind" }),
};

const next = t.Integer({ description: "What to send as `after` to go on; without news, what was sent" });

/** By the names under which /swagger/json has them. */
export const eventSchemas = {
  Event: t.Object({
    ...packageEventFields,
    address: NullableText("From which address"),
    tokenId: NullableText("With which API token; null: with a password session"),
  }),
  EventList: t.Object({ items: t.Array(t.Unsafe({ $ref: "#/components/schemas/Event" })), next }),
  PackageEvent: t.Object(packageEventFields),
  PackageEventList: t.Object({ items: t.Array(t.Unsafe({ $ref: "#/components/schemas/PackageEvent" })), next }),
};
