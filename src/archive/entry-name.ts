import { ENTRY_DEPTH_MAX, ENTRY_NAME_MAX_BYTES } from "../domain/limits.ts";
import { isWindowsDeviceName } from "../domain/package-name.ts";
import { type EntryNameFaultCode, type EntryProblem, printable } from "./archive-fault.ts";

/** The kinds of entries that archives may have. */
export type EntryKind = "file" | "directory";

/** The name of an entry, in the two forms that the registry uses. */
export interface EntryName {
  /**
   * Normalised, for rules: `/` between segments, no `./` before them, no `/` after them. Empty for
   * the directory of the package itself.
   */
  readonly path: string;
  /**
   * As readers on Linux create it, where `\` is a part of a name. It differs from `path` only in
   * archives that were packed with `\` between segments, as the client does on Windows.
   */
  readonly created: string;
  readonly problems: readonly EntryProblem[];
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossyUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Control characters and line separators act on terminals. Format characters are invisible and
 * reorder text on screen, and some file systems ignore them when they compare names.
 */
const CONTROL_CHARACTER = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const PLAIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/**
 * Normalises the name of an entry and lists everything that is wrong with it. A name must be valid
 * on every file system that the client may unpack to, because the client checks none. A name that
 * is safe on Linux but leaves the folder on Windows is refused. Never throws.
 */
export function readEntryName(bytes: Uint8Array, kind: EntryKind): EntryName {
  const decoded = decodeName(bytes);
  const created = stripped(decoded.text, kind);
  const slashed = decoded.text.includes("\\") ? decoded.text.replaceAll("\\", "/") : decoded.text;
  const path = slashed === decoded.text ? created : stripped(slashed, kind);
  const codes = decoded.valid ? nameProblems(path, decoded.text, kind) : (["name_not_utf8"] as const);
  if (codes.length === 0) return { path, created, problems: [] };
  const shown = printable(path);
  return { path, created, problems: codes.map((code) => entryNameProblem(code, shown)) };
}

function decodeName(bytes: Uint8Array): { readonly text: string; readonly valid: boolean } {
  try {
    return { text: utf8.decode(bytes), valid: true };
  } catch {
    return { text: lossyUtf8.decode(bytes), valid: false };
  }
}

/** Removes one `./` before a name, and the `/` after the name of a directory. */
function stripped(name: string, kind: EntryKind): string {
  const hasTrailingSlash = kind === "directory" && name.length > 1 && name.endsWith("/");
  const bare = hasTrailingSlash ? name.slice(0, -1) : name;
  // Python's tarfile names the root "/" if it is packed under an empty name.
  if (kind === "directory" && (bare === "." || name === "/")) return "";
  return bare.startsWith("./") ? bare.slice(2) : bare;
}

function nameProblems(path: string, raw: string, kind: EntryKind): EntryNameFaultCode[] {
  if (path === "") return kind === "directory" && /^(?:\.[\\/]?|\/)$/.test(raw) ? [] : ["name_empty"];
  const codes: EntryNameFaultCode[] = [];
  if (Buffer.byteLength(path) > ENTRY_NAME_MAX_BYTES) codes.push("name_too_long");
  const segments = path.split("/");
  if (segments.length > ENTRY_DEPTH_MAX) codes.push("name_too_deep");
  // Ordinary names match one expression. Only a trailing dot or a device name can still make such a
  // name invalid.
  if (!PLAIN_NAME.test(path)) codes.push(...unusualNameProblems(path, segments));
  if (segments.some((segment) => /[. ]$/.test(segment) && !isDots(segment))) codes.push("name_trailing_dot_or_space");
  if (segments.some(isWindowsDeviceName)) codes.push("name_windows_device");
  return codes;
}

function unusualNameProblems(path: string, segments: readonly string[]): EntryNameFaultCode[] {
  const codes: EntryNameFaultCode[] = [];
  // An absolute path is one fault. Its leading slashes and its drive colon are not reported again.
  const root = /^(?:[A-Za-z]:\/*|\/+)/.exec(path)?.[0] ?? "";
  const relativePart = path.slice(root.length);
  if (root !== "") codes.push("name_absolute");
  if (segments.some(isDots)) codes.push("name_traversal");
  if (relativePart !== "" && relativePart.split("/").includes("")) codes.push("name_empty_segment");
  if (CONTROL_CHARACTER.test(path)) codes.push("name_control_character");
  if (/[<>:"|?*]/.test(relativePart)) codes.push("name_forbidden_character");
  // Normalising takes quadratic time on a run of combining marks, and a PAX path may have 8 KiB.
  if (path.length <= ENTRY_NAME_MAX_BYTES && path.normalize("NFC") !== path) codes.push("name_not_nfc");
  return codes;
}

function isDots(segment: string): boolean {
  return segment === "." || segment === "..";
}

const EXPLANATIONS: Readonly<Record<EntryNameFaultCode, string>> = {
  name_empty: "has an empty name: remove the entry",
  name_not_utf8: "is not a UTF-8 name: rename the file",
  name_not_nfc: "is not in Unicode normal form NFC, so it is another file on other systems: rename it",
  name_too_long: `is longer than ${ENTRY_NAME_MAX_BYTES} bytes: shorten the path`,
  name_too_deep: `is deeper than ${ENTRY_DEPTH_MAX} levels: flatten the folders`,
  name_absolute: "is an absolute path: pack paths relative to the package's folder, with tar -C folder .",
  name_traversal: "has a . or .. segment: pack paths inside the package's folder, with tar -C folder .",
  name_empty_segment: "has an empty segment (a doubled /, or a file name that ends with /): remove the extra /",
  name_control_character: "has a control or invisible character: rename the file",
  name_forbidden_character: 'has one of < > : " | ? *, which Windows cannot store: rename the file',
  name_trailing_dot_or_space: "has a segment that ends with a dot or a space, which Windows drops: rename it",
  name_windows_device: "has a segment that is a device name on Windows (such as con, nul, com1): rename it",
  name_duplicate: "appears more than once: pack it once",
  name_case_conflict: "is spelled with other capitals or accents elsewhere in the archive: keep one spelling",
  name_file_and_directory: "is a file here and a directory elsewhere in the archive: rename one of them",
};

/** Returns the problem of an entry whose name has this fault; `shown` must be printable. */
export function entryNameProblem(code: EntryNameFaultCode, shown: string): EntryProblem {
  return { path: shown, code, problem: EXPLANATIONS[code] };
}
