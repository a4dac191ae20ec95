import { oneOf, type Random } from "../../support/random.ts";

/**
 * A hostile text of any length. Backtracking needs a beginning, something repeated, and an end that
 * does not match. What counts depth needs something that opens and something that closes.
 */
export interface Pump {
  readonly prefix: string;
  readonly repeated: string;
  readonly middle: string;
  /** Repeated as often as `repeated`, behind `middle`. Mostly empty. */
  readonly closing: string;
  readonly suffix: string;
}

/** Tokens that end or break the tokens of most scanners. */
const COMMON = ["a", "0", " ", "\n", "\r\n", "\t", "\\", '"', "é", "\u0301", "\0"] as const;

function piecesFrom(random: Random, tokens: readonly [string, ...string[]], max: number): string {
  const piece = () => (random(5) === 0 ? oneOf(random, COMMON) : oneOf(random, tokens));
  return Array.from({ length: random(max + 1) }, piece).join("");
}

/** Makes a pump of a few tokens. */
export function pumpFrom(random: Random, tokens: readonly [string, ...string[]]): Pump {
  return {
    prefix: piecesFrom(random, tokens, 3),
    repeated: oneOf(random, tokens) + piecesFrom(random, tokens, random(4) === 0 ? 5 : 1),
    middle: piecesFrom(random, tokens, 1),
    closing: random(4) === 0 ? piecesFrom(random, tokens, 2) : "",
    suffix: piecesFrom(random, tokens, 2),
  };
}

/** Writes a pump as a text of about this length, and at least one repetition. */
export function pumpedText({ prefix, repeated, middle, closing, suffix }: Pump, bytes: number): string {
  const around = Buffer.byteLength(prefix + middle + suffix);
  const times = Math.max(1, Math.floor((bytes - around) / Buffer.byteLength(repeated + closing)));
  return prefix + repeated.repeat(times) + middle + closing.repeat(times) + suffix;
}
