import { t } from "elysia";
import { ERROR_CODES } from "./problem.ts";

/*
 * Schemas that several routes respond with. They are also in `components.schemas` of /swagger/json.
 */

/**
 * Makes a schema of one of several words. Elysia's `t.UnionEnum` would default to the first word.
 */
export function oneOf<Word extends string>(words: readonly Word[]) {
  const literals = words.map((word) => t.Literal(word));
  return t.Union(literals, { error: `must be one of ${words.join(", ")}` });
}

/** One fault in the `errors` of a problem. */
const FaultSchema = t.Object({
  path: t.String({ description: "JSON Pointer to a field, or the name of an archive entry" }),
  code: t.Optional(t.String()),
  message: t.String(),
});

/** Every error response. `problemResponse` of http/problem.ts builds it. */
export const ProblemSchema = t.Object(
  {
    type: t.String(),
    title: t.String(),
    status: t.Integer(),
    code: t.Union(
      ERROR_CODES.map((code) => t.Literal(code)),
      { description: "Stable. Act on this, not on the texts" },
    ),
    detail: t.String({ description: "What happened and what to do next" }),
    requestId: t.String(),
    errors: t.Optional(t.Array(FaultSchema)),
  },
  { description: "A problem (RFC 9457)" },
);

/** Matches why and since when something is withheld, or null. */
export function withheldSince(description: string) {
  return t.Unsafe<{ reason: string; at: string } | null>({
    ...t.Object({ reason: t.String(), at: t.String({ format: "date-time" }) }),
    nullable: true,
    description,
  });
}
