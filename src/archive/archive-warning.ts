/** Something that a publisher and an installer should know, but no reason to reject. */
export interface ArchiveWarning {
  readonly code: ArchiveWarningCode;
  readonly message: string;
  readonly path?: string;
}

/** The stable codes of warnings. docs/package-format.md explains each. */
export type ArchiveWarningCode =
  | "values_missing"
  | "values_empty"
  | "values_invalid"
  | "templates_missing"
  | "template_not_read"
  | "appledouble_files"
  | "readme_misnamed"
  | "invisible_characters"
  | "backslash_names"
  | "template_reads_environment"
  | "template_not_scanned"
  | "secrets_not_searched"
  | "link_not_http"
  | "inputs_under_spec"
  | "dependency_range_invalid"
  | "text_too_large"
  | "text_not_utf8"
  | "more_warnings";

const NAMED_MAX = 5;

/** Names the first of several places, so that a kind of problem has one warning. */
export function namedPlaces(places: readonly string[]): string {
  const more = places.length > NAMED_MAX ? ` and ${places.length - NAMED_MAX} more` : "";
  return places.slice(0, NAMED_MAX).join(", ") + more;
}
