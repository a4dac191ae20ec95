import { SemVer } from "semver";

/** A version that passed `parseVersion`. */
export interface Version {
  /** The text as published, including build metadata. */
  readonly text: string;
  /**
   * The text without build metadata. Two versions with the same key are the same version and cannot
   * both be published.
   */
  readonly key: string;
  /**
   * A text whose byte order is the precedence of versions (SemVer 2.0.0 §11). Databases sort by it.
   * All characters are printable ASCII.
   */
  readonly order: string;
}

/** The length of the longest version, with its build metadata. */
export const VERSION_MAX_CHARS = 64;

/** The pattern of some versions, for descriptions: there are others, with longer numbers. */
export const SHORT_VERSION_PATTERN = String.raw`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[a-zA-Z][0-9a-zA-Z-]{0,20})?$`;

/**
 * Parses a version by SemVer 2.0.0, of at most 64 characters. A leading `v` or `=`, surrounding
 * spaces, missing parts and leading zeros give `undefined`. So do numbers above 2^53 - 1, which
 * clients compare wrongly.
 */
export function parseVersion(text: string): Version | undefined {
  if (text.length > VERSION_MAX_CHARS) return undefined;
  const parsed = semverOf(text);
  if (parsed === undefined) return undefined;
  const build = parsed.build.length > 0 ? `+${parsed.build.join(".")}` : "";
  // The library also accepts " v1.0.0" and "=1.0.0". Only a text that it returns unchanged is a
  // version.
  if (`${parsed.version}${build}` !== text) return undefined;
  return { text, key: parsed.version, order: orderOf(parsed) };
}

/** Sorts after every pre-release of the same version. */
const RELEASE = "~";
/** The pattern of LIKE that the order of a release matches, and that of a pre-release does not. */
export const RELEASE_PATTERN = `%${RELEASE}`;
/** Sorts before every character of an identifier, so that `a` precedes `a-b`. */
const IDENTIFIER_END = " ";

/**
 * Puts the number of digits before the digits, so that texts sort like numbers of any size. The
 * library compares identifiers above 2^53 as floating-point numbers, which are not exact.
 */
function orderOfDigits(digits: string): string {
  return String.fromCharCode(0x30 + digits.length) + digits;
}

/** Numeric identifiers sort before all others (SemVer 2.0.0 §11.4.3). */
function orderOfIdentifier(identifier: string): string {
  return /^\d+$/.test(identifier) ? `0${orderOfDigits(identifier)}` : `1${identifier}${IDENTIFIER_END}`;
}

function orderOf({ major, minor, patch, prerelease }: SemVer): string {
  const numbers = [major, minor, patch].map((number) => orderOfDigits(String(number))).join("");
  if (prerelease.length === 0) return numbers + RELEASE;
  return numbers + prerelease.map((identifier) => orderOfIdentifier(String(identifier))).join("");
}

/**
 * Compares versions by precedence (SemVer 2.0.0 §11): negative if `a` is older, 0 for the same
 * precedence. Build metadata is ignored (§10).
 */
export function compareVersions(a: Version, b: Version): number {
  if (a.order === b.order) return 0;
  return a.order < b.order ? -1 : 1;
}

/**
 * Returns whether a version is a pre-release (SemVer 2.0.0 §9), such as `1.0.0-rc.1`. `latest`
 * never is one.
 */
export function isPrerelease(version: Version): boolean {
  return !version.order.endsWith(RELEASE);
}

function semverOf(text: string): SemVer | undefined {
  try {
    return new SemVer(text);
  } catch {
    return undefined;
  }
}
