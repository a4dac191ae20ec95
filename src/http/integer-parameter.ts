import { t } from "elysia";

/** The bounds of a whole number in a query: up to a one with so many zeros. */
interface WholeNumber {
  readonly description: string;
  readonly minimum?: 0 | 1;
  readonly zeros: number;
  /** What a request that leaves it out means, where that is one number. */
  readonly preset?: number;
}

/** A whole number in a query. Elysia's own `t.Integer` forgets which parameter was out of range. */
export function wholeNumber({ description, minimum = 1, zeros, preset }: WholeNumber) {
  const maximum = 10 ** zeros;
  const text = t.String({
    description,
    pattern: `^(?:${minimum === 0 ? "0|" : ""}[1-9][0-9]{0,${zeros - 1}}|10{${zeros}})$`,
    error: `must be a whole number from ${minimum} to ${maximum}`,
    documentedAs: { type: "integer", minimum, maximum, ...(preset === undefined ? {} : { default: preset }) },
  });
  return t.Transform(text).Decode(Number).Encode(String);
}
