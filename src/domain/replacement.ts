import { PACKAGE_NAME_MAX_CHARS, parsePackageName } from "./package-name.ts";
import { parseVersion, VERSION_MAX_CHARS } from "./version.ts";

/** A name, `@` and a version. */
export const REPLACEMENT_MAX_CHARS = PACKAGE_NAME_MAX_CHARS + 1 + VERSION_MAX_CHARS;

/**
 * Returns whether a text can name the replacement of a version: a version, a package, or
 * `name@version`.
 */
export function isReplacement(text: string): boolean {
  const at = text.indexOf("@");
  if (at === -1) return parseVersion(text) !== undefined || parsePackageName(text) !== undefined;
  return parsePackageName(text.slice(0, at)) !== undefined && parseVersion(text.slice(at + 1)) !== undefined;
}
