import { SemVer } from "semver";

const PARSED = Symbol("parsed");

/** A version that passed `parseVersion`. */
export interface Version {
  /**
   * Stored because parsing is slow compared to what sorting needs: each version of a package is
   * compared with many others.
   */
  readonly [PARSED]: SemVer;
  /** The text as published, including build metadata. */
  readonly text: string;
  /**
   * The text without build metadata. Two versions with the same key are the same version and cannot
   * both be published.
   */
  readonly key: string;
}

/** The length of the longest version, with its build metadata. */
export const VERSION_MAX_CHARS = 64;

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
  return { [PARSED]: parsed, text, key: parsed.version };
}

/**
 * Compares versions by precedence (SemVer 2.0.0 §11): negative if `a` is older, 0 for the same
 * precedence. Build metadata is ignored (§10).
 */
export function compareVersions(a: Version, b: Version): number {
  return a[PARSED].compare(b[PARSED]);
}

/**
 * Returns whether a version is a pre-release (SemVer 2.0.0 §9), such as `1.0.0-rc.1`. `latest`
 * never is one.
 */
export function isPrerelease(version: Version): boolean {
  return version[PARSED].prerelease.length > 0;
}

function semverOf(text: string): SemVer | undefined {
  try {
    return new SemVer(text);
  } catch {
    return undefined;
  }
}
