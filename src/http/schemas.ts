import { t } from "elysia";

/* The shapes of the contract that several routes answer with; they are also `components.schemas` of /swagger/json. */

/** One of some words. Elysia's own `t.UnionEnum` takes the first for one that is left out. */
export function oneOf<Word extends string>(words: readonly Word[]) {
  const literals = words.map((word) => t.Literal(word));
  return t.Union(literals, { error: `must be one of ${words.join(", ")}` });
}

export const FaultSchema = t.Object({
  path: t.String({ description: "JSON pointer of a field, or the name of an archive entry" }),
  code: t.Optional(t.String()),
  message: t.String(),
});

export const ProblemSchema = t.Object(
  {
    type: t.String(),
    title: t.String(),
    status: t.Integer(),
    code: t.String({ description: "Stable: act on this" }),
    detail: t.String({ description: "What happened and what to do" }),
    requestId: t.String(),
    errors: t.Optional(t.Array(FaultSchema)),
  },
  { description: "RFC 9457 problem" },
);
