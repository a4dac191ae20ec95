const PART = "[\\d|xX*]+";
const PRERELEASE = "(?:-[\\dA-Za-z-]+(?:\\.[\\dA-Za-z-]+)*)?";
const BUILD = "(?:\\+[\\dA-Za-z-]+(?:\\.[\\dA-Za-z-]+)*)?";
const VERSION = `v?${PART}(?:\\.${PART})?(?:\\.${PART})?${PRERELEASE}${BUILD}`;
const COMPARATOR = "(?:!=|>=|=>|<=|=<|~>|[=><~^])?";

/** It begins with a word, because trying every character of a long word takes quadratic time. */
const HYPHEN_RANGE = new RegExp(` ?(?<![\\w.|*+-])(${VERSION}) - (${VERSION}) ?`, "g");
const COMPARISONS = new RegExp(`^ ?${COMPARATOR} ?${VERSION} ?(?:[ ,]${COMPARATOR} ?${VERSION} ?)*$`);
const PARTS = new RegExp(`v?(${PART})(?:\\.(${PART}))?(?:\\.(${PART}))?(${PRERELEASE})${BUILD}`, "g");

const UINT64_MAX = 2n ** 64n - 1n;

/**
 * Returns whether a text is a range of versions in the grammar of Masterminds/semver, which the
 * client's libraries use: `>=1.2 <2`, `^1.0.0`, `~1.4`, `1.x`, `1.0 - 2.0`, `1.2 || >=3`.
 */
export function isVersionRange(text: string): boolean {
  // With one space where there are several, the expressions below have nothing to try twice.
  const spaced = text.replace(/[\t\n\f\r ]+/g, " ").replace(/ ?, ?/g, ",");
  const rewritten = spaced.replace(HYPHEN_RANGE, ">= $1,<= $2 ");
  return rewritten.split("||").every((part) => COMPARISONS.test(part) && [...part.matchAll(PARTS)].every(isVersion));
}

/** A wildcard stands for itself and for all that follows, so nothing after it is looked at. */
function isVersion([, major = "", minor = "", patch = "", prerelease = ""]: RegExpExecArray): boolean {
  for (const part of [major, minor, patch]) {
    if (isWildcard(part)) break;
    if (!/^\d+$/.test(part) || BigInt(part) > UINT64_MAX) return false;
  }
  const identifiers = prerelease === "" ? [] : prerelease.slice(1).split(".");
  return !identifiers.some((identifier) => /^0\d+$/.test(identifier));
}

function isWildcard(part: string): boolean {
  return part === "" || part === "x" || part === "X" || part === "*";
}
