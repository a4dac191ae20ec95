declare const brand: unique symbol;

/**
 * A package name that passed `parsePackageName`. It is safe as a URL segment, as a file name and as
 * a line of a statement.
 */
export type PackageName = string & { readonly [brand]: "PackageName" };

/** The length of the longest package name. */
export const PACKAGE_NAME_MAX_CHARS = 64;

/** The pattern of package names, as regular expression of JavaScript and of JSON schemas. */
export const PACKAGE_NAME_PATTERN = "^[a-z0-9]+(?:[-_.][a-z0-9]+)*$";

const PACKAGE_NAME = new RegExp(PACKAGE_NAME_PATTERN);

/**
 * For these names Windows opens a device instead of a file, also if an extension follows the first
 * dot.
 */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])$/;

/**
 * Names that would look like part of the registry: words of its URLs and of its log, and the name
 * of the client.
 */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(
  "api auth colony colonyos cpm cpm-registry docs health latest log metrics packages registry search swagger".split(
    " ",
  ),
);

/**
 * Returns whether a file of this name would be a device on Windows: `con`, `NUL.txt`,
 * `com1.tar.gz`. The part before the first dot decides, without its trailing spaces and in any
 * case.
 */
export function isWindowsDeviceName(segment: string): boolean {
  const stem = segment.split(".", 1)[0] ?? "";
  return WINDOWS_DEVICE.test(stem.trimEnd().toLowerCase());
}

/**
 * Parses a package name: 1 to 64 characters of `a-z`, `0-9` and single `-`, `_`, `.` between them,
 * not reserved. Nothing is trimmed or lower-cased: a text that is not exactly a name is
 * `undefined`.
 */
export function parsePackageName(text: string): PackageName | undefined {
  return isPackageName(text) ? text : undefined;
}

/**
 * Folds a name to the form in which names must differ. `-`, `_` and `.` are one character in it. So
 * `my-pkg`, `my_pkg` and `my.pkg` fold to the same text, and only the first of them can be
 * published.
 */
export function foldName(name: string): string {
  return fold(name);
}

function isPackageName(text: string): text is PackageName {
  return explainPackageName(text) === undefined;
}

function fold(name: string): string {
  return name.replace(/[_.]/g, "-");
}

/**
 * Returns a sentence fragment for messages (`name "CON" ...`) that explains why a text is not a
 * package name; `undefined` for a name.
 */
export function explainPackageName(text: string): string | undefined {
  if (text.length === 0) return "is empty";
  if (text.length > PACKAGE_NAME_MAX_CHARS) {
    return `is longer than ${PACKAGE_NAME_MAX_CHARS} characters`;
  }
  if (!PACKAGE_NAME.test(text)) {
    return "must be lower-case letters and digits, with single - _ or . between them (for example my-package)";
  }
  if (isWindowsDeviceName(text)) return "is a device name on Windows: choose another name";
  if (RESERVED_NAMES.has(fold(text))) return "is reserved by the registry: choose another name";
  return undefined;
}
