import { escapeUnprintable } from "../runtime/printable.ts";

/**
 * A fault in an archive. `path` is an entry name, a place in the manifest (`colony.yaml#/tags/0`),
 * or empty.
 */
export interface ArchiveFault {
  readonly path: string;
  readonly code: ArchiveFaultCode;
  readonly message: string;
}

/**
 * A problem of one entry. `problem` goes on after `entry "name" `, so that entries with the same
 * problem can share one fault.
 */
export interface EntryProblem {
  /** The name of the entry, printable. */
  readonly path: string;
  readonly code: ArchiveFaultCode;
  readonly problem: string;
}

/**
 * Every reason to reject an archive. Clients act on these codes: codes may be added, but none may
 * change its meaning.
 */
export type ArchiveFaultCode =
  | GzipFaultCode
  | TarFaultCode
  | EntryNameFaultCode
  | YamlFaultCode
  | ManifestFaultCode
  | "archive_empty"
  | "archive_too_large"
  | "too_many_entries"
  | "more_faults";

/** Faults of the gzip member. */
export type GzipFaultCode =
  | "not_gzip"
  | "gzip_bad_header"
  | "gzip_truncated"
  | "gzip_corrupt"
  | "gzip_trailing_data"
  | "unpacked_too_large";

/** Faults of the tar inside. */
export type TarFaultCode =
  | "tar_bad_checksum"
  | "tar_bad_field"
  | "tar_bad_pax"
  | "tar_bad_end"
  | "tar_truncated"
  | "entry_type_forbidden";

/** Faults of the names of entries. */
export type EntryNameFaultCode =
  | "name_empty"
  | "name_not_utf8"
  | "name_not_nfc"
  | "name_too_long"
  | "name_too_deep"
  | "name_absolute"
  | "name_traversal"
  | "name_empty_segment"
  | "name_control_character"
  | "name_forbidden_character"
  | "name_trailing_dot_or_space"
  | "name_windows_device"
  | "name_duplicate"
  | "name_case_conflict"
  | "name_file_and_directory";

/** Faults of the YAML of the manifest. */
export type YamlFaultCode =
  | "yaml_not_utf8"
  | "yaml_control_character"
  | "yaml_invalid"
  | "yaml_too_deep"
  | "yaml_too_complex"
  | "yaml_multiple_documents"
  | "yaml_directive"
  | "yaml_alias"
  | "yaml_tag"
  | "yaml_merge_key"
  | "yaml_duplicate_key";

/** Faults of the manifest and its fields. */
export type ManifestFaultCode =
  | "manifest_missing"
  | "manifest_duplicate"
  | "manifest_misspelled"
  | "manifest_too_large"
  | "manifest_wrong_type"
  | "manifest_field_missing"
  | "manifest_field_too_long"
  | "manifest_field_invalid"
  | "manifest_name_invalid"
  | "manifest_version_invalid";

/**
 * Thrown during the walk when the rest cannot be read with certainty. `inspectArchive` catches it,
 * records `fault` and stops.
 */
export class UnreadableArchive extends Error {
  override readonly name = "UnreadableArchive";
  readonly fault: ArchiveFault;

  constructor(code: ArchiveFaultCode, message: string, path = "") {
    super(message);
    this.fault = { path, code, message };
  }
}

/** Returns the fault of an archive in which nothing can be read after this entry. */
export function unreadableEntry({ path, code, problem }: EntryProblem): UnreadableArchive {
  return new UnreadableArchive(code, `entry "${path}" ${problem}`, path);
}

/**
 * Makes hostile text safe for a message or a terminal. Control, format and unpaired surrogate
 * characters become `\u{…}` escapes, and text longer than `maxChars` is cut.
 */
export function printable(text: string, maxChars = 260): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return escapeUnprintable(cut);
}
