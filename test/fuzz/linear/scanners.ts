import type { TSchema } from "elysia";
import { TypeCompiler } from "elysia/type-system";
import type { Scanner } from "./growth.ts";

type Tokens = readonly [string, ...string[]];
type Bounds = Partial<Pick<Scanner, "maxBytes" | "nsPerByteMax">>;

/** A bound for what looks at each character a few times. */
const NS_PER_BYTE_MAX = 500;
/** The longest text that is tried where the scanner's caller sets no limit below it. */
const LONGEST_BYTES = 1024 * 1024;

const defaults = { maxBytes: LONGEST_BYTES, nsPerByteMax: NS_PER_BYTE_MAX };

/** A scanner of texts. */
export function ofText(name: string, tokens: Tokens, scan: (text: string) => unknown, bounds: Bounds = {}): Scanner {
  return { ...defaults, ...bounds, name, tokens, load: (text) => () => scan(text) };
}

/** A scanner of bytes; characters up to `ÿ` are one byte each if `encoding` is latin1. */
export function ofBytes(
  name: string,
  tokens: Tokens,
  scan: (bytes: Buffer) => unknown,
  bounds: Bounds & { readonly encoding?: "latin1" | "utf8" } = {},
): Scanner {
  const { encoding = "utf8", ...rest } = bounds;
  const load = (text: string) => {
    const bytes = Buffer.from(text, encoding);
    return () => scan(bytes);
  };
  return { ...defaults, ...rest, name, tokens, load };
}

/** The schema of a JSON body, given the text in each of its fields. */
export function ofBody(name: string, tokens: Tokens, schema: TSchema, bounds: Bounds = {}): Scanner {
  const { Check, Errors } = boundOf(schema);
  const fields = Object.keys(Object(schema).properties);
  const bodyOf = (text: string) =>
    Object.fromEntries(fields.map((field) => [field, field.endsWith("s") ? [text] : text]));
  const scan = (text: string) => {
    const body = bodyOf(text);
    return Check(body) || [...Errors(body)].length;
  };
  return ofText(name, tokens, scan, { maxBytes: 65_536, ...bounds });
}

function boundOf(schema: TSchema) {
  const compiled = TypeCompiler.Compile(schema);
  return { Check: (value: unknown) => compiled.Check(value), Errors: (value: unknown) => compiled.Errors(value) };
}
