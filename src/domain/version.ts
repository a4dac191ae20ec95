import { SemVer } from "semver";

const PARSED = Symbol("parsed");

/** A version that passed `parseVersion`. */
export interface Version {
  /** Kept, because reading a version takes a microsecond, and sorting those of a package compares each with many. */
  readonly [PARSED]: SemVer;
  /** The text as published, build metadata included. */
  readonly text: string;
  /** The text without build metadata: two versions with one key are the same version and cannot both be published. */
  readonly key: string;
}

export const VERSION_MAX_CHARS = 64;

/**
 * Reads a version, strictly SemVer 2.0.0 and at most 64 characters. A leading `v` or `=`, surrounding spaces, missing
 * parts and leading zeros give `undefined`, and so do numbers above 2^53 - 1, which clients compare wrongly.
 */
export function parseVersion(text: string): Version | undefined {
  if (text.length > VERSION_MAX_CHARS) return undefined;
  const parsed = semverOf(text);
  if (parsed === undefined) return undefined;
  const build = parsed.build.length > 0 ? `+${parsed.build.join(".")}` : "";
  // The library also takes " v1.0.0" and "=1.0.0": only a text that comes back unchanged is a version.
  if (`${parsed.version}${build}` !== text) return undefined;
  return { [PARSED]: parsed, text, key: parsed.version };
}

/**
 * Orders versions by precedence (SemVer 2.0.0 §11): negative when `a` is older, 0 for the same precedence. Build
 * metadata plays no part (§10).
 */
export function compareVersions(a: Version, b: Version): number {
  return a[PARSED].compare(b[PARSED]);
}

/** Tells whether a version is a pre-release (SemVer 2.0.0 §9), such as `1.0.0-rc.1`; `latest` never is one. */
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
