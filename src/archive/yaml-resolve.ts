/** The tag of `~`, `null` and nothing. */
export const NULL_TAG = "!!null";
const BOOLEAN_TAG = "!!bool";
/** The tag of texts. */
export const STRING_TAG = "!!str";
const INTEGER_TAG = "!!int";
const FLOAT_TAG = "!!float";
const TIMESTAMP_TAG = "!!timestamp";
/** The tag of base64. */
export const BINARY_TAG = "!!binary";
/** The tag of the key `<<`. */
export const MERGE_TAG = "!!merge";

/** The value of a scalar with its tag. Numbers that JSON would change stay as written. */
export interface ResolvedScalar {
  readonly tag: string;
  readonly value: string | number | boolean | null;
}

/** How tags of YAML itself begin when they are written out. */
export const LONG_TAG_PREFIX = "tag:yaml.org,2002:";
/** Any other tag makes the scalar a text. */
const RESOLVABLE = new Set(["", STRING_TAG, BOOLEAN_TAG, INTEGER_TAG, FLOAT_TAG, NULL_TAG, TIMESTAMP_TAG]);
const WORDS: ReadonlyMap<string, ResolvedScalar> = new Map([
  ...wordsOf(["true", "True", "TRUE"], BOOLEAN_TAG, true),
  ...wordsOf(["false", "False", "FALSE"], BOOLEAN_TAG, false),
  ...wordsOf(["", "~", "null", "Null", "NULL"], NULL_TAG, null),
  ...wordsOf([".nan", ".NaN", ".NAN"], FLOAT_TAG),
  ...wordsOf([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"], FLOAT_TAG),
  ...wordsOf(["<<"], MERGE_TAG),
]);

function wordsOf(words: readonly string[], tag: string, value?: boolean | null): [string, ResolvedScalar][] {
  return words.map((word) => [word, { tag, value: value === undefined ? word : value }]);
}

const DECIMAL = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const INTEGER = /^[-+]?(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9]\d*)$/;
/** A sign after the prefix is what Go's number parser lets through there. */
const SIGNED_INSIDE = /^0(?:b[-+][01]+|o[-+][0-7]+)$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const TIMESTAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?))?$/;

/** Shortens `tag:yaml.org,2002:int` to `!!int`. */
export function shortTag(tag: string): string {
  return tag.startsWith(LONG_TAG_PREFIX) ? `!!${tag.slice(LONG_TAG_PREFIX.length)}` : tag;
}

/**
 * Resolves the text of a scalar as yaml.v3 does. `tag` is the tag as written, or empty for a plain
 * scalar without one. The tag of the result differs from it if the text is nothing of that kind.
 */
export function resolveScalar(tag: string, text: string): ResolvedScalar {
  if (!RESOLVABLE.has(tag)) return { tag, value: text };
  if (tag === STRING_TAG) return { tag, value: text };
  return WORDS.get(text) ?? resolveNumber(tag, text) ?? { tag: STRING_TAG, value: text };
}

function resolveNumber(tag: string, text: string): ResolvedScalar | undefined {
  if (text.startsWith(".")) return DECIMAL.test(text) ? finite(text, text) : undefined;
  if (!/^[-+\d]/.test(text)) return undefined;
  if ((tag === "" || tag === TIMESTAMP_TAG) && isTimestamp(text)) return { tag: TIMESTAMP_TAG, value: text };
  const plain = text.replaceAll("_", "");
  const integer = INTEGER.test(plain) ? integerOf(plain) : undefined;
  if (integer !== undefined) return integerScalar(tag, integer, text);
  if (DECIMAL.test(plain)) return finite(plain, text);
  if (!SIGNED_INSIDE.test(plain)) return undefined;
  const magnitude = integerOf(`0${plain[1]}${plain.slice(3)}`);
  if (magnitude === undefined) return undefined;
  return integerScalar(tag, plain[2] === "-" ? -magnitude : magnitude, text);
}

/** Returns an integer of 64 bits, with a sign or without one. */
function integerOf(plain: string): bigint | undefined {
  const digits = plain.replace(/^[-+]/, "");
  const isOctal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  const value = plain.startsWith("-") ? -magnitude : magnitude;
  if (value >= INT64_MIN && value <= INT64_MAX) return value;
  return value <= UINT64_MAX && value > 0 && digits === plain ? value : undefined;
}

/** An integer of 64 bits with a sign may also be a float. */
function integerScalar(tag: string, integer: bigint, text: string): ResolvedScalar {
  const number = Number(integer);
  const isFloat = tag === FLOAT_TAG && integer <= INT64_MAX;
  return { tag: isFloat ? FLOAT_TAG : INTEGER_TAG, value: Number.isSafeInteger(number) ? number : text };
}

function finite(plain: string, text: string): ResolvedScalar | undefined {
  const value = Number(plain);
  if (!Number.isFinite(value)) return undefined;
  return { tag: FLOAT_TAG, value: Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value };
}

/** Returns whether a text is one of the dates and times that yaml.v3 knows. */
function isTimestamp(text: string): boolean {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return false;
  const [year = 0, month = 0, day = 0, ...times] = parts.slice(1).map((part) => Number(part ?? 0));
  const [hour = 0, minute = 0, second = 0] = parts[4] === undefined ? times.slice(3) : times;
  const days = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const daysMax = month === 2 && !isLeap ? 28 : days;
  return month >= 1 && month <= 12 && day >= 1 && day <= daysMax && hour < 24 && minute < 60 && second < 60;
}
