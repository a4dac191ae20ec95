import { t } from "elysia";

/** Schema of the `nextCursor` of an answer. */
export const nextCursor = t.Unsafe<string | null>({
  type: "string",
  nullable: true,
  description: "What to send as `cursor` to go on; null at the end",
});

/** Makes the schema of a cursor in a query, whose text only its reader checks. */
export function cursorParameter(maxLength: number) {
  return t.Optional(
    t.String({
      description: "The `nextCursor` of the previous answer, instead of a page",
      maxLength,
      error: "must be the nextCursor of the previous answer, given once",
    }),
  );
}
