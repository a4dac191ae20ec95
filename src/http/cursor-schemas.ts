import { t } from "elysia";

/** Schema of the `nextCursor` of an answer. */
export const nextCursor = t.Unsafe<string | null>({
  type: "string",
  nullable: true,
  description: "What to send as `cursor` to go on; null at the end",
});

/**
 * Makes the schema of a cursor in a query, whose text its reader checks. `pattern` describes texts
 * that are always accepted.
 */
export function cursorParameter(maxLength: number, pattern?: string) {
  return t.Optional(
    t.String({
      description: "The `nextCursor` of the previous answer, instead of a page",
      maxLength,
      error: "must be the nextCursor of the previous answer, given once",
      ...(pattern === undefined ? {} : { documentedAs: { type: "string", minLength: 1, maxLength, pattern } }),
    }),
  );
}
