/** Something that a publisher and an installer should know, but no reason to reject. */
export interface ArchiveWarning {
  readonly code: ArchiveWarningCode;
  readonly message: string;
  readonly path?: string;
}

/** The stable codes of warnings. docs/package-format.md explains each. */
export type ArchiveWarningCode =
  | "values_missing"
  | "templates_missing"
  | "backslash_names"
  | "template_reads_environment"
  | "template_not_scanned"
  | "secrets_not_searched"
  | "link_not_http"
  | "text_too_large"
  | "text_not_utf8"
  | "more_warnings";
