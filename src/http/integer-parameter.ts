import { t } from "elysia";

/** Describes a whole number in a query. The maximum is a one followed by `zeros` zeros. */
interface WholeNumber {
  readonly description: string;
  readonly minimum?: 0 | 1;
  readonly zeros: number;
  /** The documented default, if a request without the parameter means one number. */
  readonly preset?: number;
}

/**
 * Makes the schema of a whole number in a query. The error of Elysia's `t.Integer` does not say
 * which parameter was out of range.
 */
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
