const KIB = 1_024;
const MIB = 1_024 * KIB;

/** What one archive may cost. An operator may lower every one of them. */
export interface ArchiveLimits {
  /** Size of the upload as received. It is enforced while the body is received and again while it is inspected. */
  readonly compressedMaxBytes: number;
  /** Size of the tar inside, headers and padding included: inflating stops here. */
  readonly unpackedMaxBytes: number;
  /** Files and directories in the tar. */
  readonly entriesMax: number;
  /** Size of `colony.yaml`. */
  readonly manifestMaxBytes: number;
}

export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  compressedMaxBytes: 20 * MIB,
  unpackedMaxBytes: 128 * MIB,
  entriesMax: 10_000,
  manifestMaxBytes: 256 * KIB,
};

/** No configuration raises `compressedMaxBytes` above this. */
export const COMPRESSED_HARD_MAX_BYTES = 100 * MIB;

/** Length of an entry's name in UTF-8: with a folder in front it still fits Windows' 260 characters. */
export const ENTRY_NAME_MAX_BYTES = 240;

/** Segments in an entry's name, the file's own included. */
export const ENTRY_DEPTH_MAX = 16;

/** A README or `values.yaml` above this is part of the archive but is not kept as text. */
export const STORED_TEXT_MAX_BYTES = 1 * MIB;

/** A template is searched for calls up to here: 1 MiB costs some 15 ms of CPU, and half a MiB can inflate to 120. */
export const TEMPLATE_SCAN_MAX_BYTES = 1 * MIB;

/** All templates of an archive together: many of them must not cost what one may not. */
export const TEMPLATE_SCANS_MAX_BYTES = 8 * MIB;

/** Secrets listed of one archive; the rest is counted. */
export const SECRETS_MAX = 50;

/**
 * Places in an archive that look like the start of a secret. Looking closely at this many costs up to 150 ms of CPU; an
 * archive with more is made to cost it, or is no text.
 */
export const SECRET_CANDIDATES_MAX = 100_000;

/** A gzip header is 10 bytes and perhaps a file name; one that goes on longer is hiding something. */
export const GZIP_HEADER_MAX_BYTES = 4 * KIB;

/** One PAX header: a path, three times and four owner fields fit many times over. */
export const PAX_HEADER_MAX_BYTES = 8 * KIB;

/** Problems listed in one answer; the rest is counted. */
export const ARCHIVE_FAULTS_MAX = 100;

/** What is shown of a manifest, as JSON: a package's page has it once for every version. */
export const SHOWN_MANIFEST_MAX_BYTES = 32 * KIB;

/** A manifest that shows no more than this, with the warnings about its archive, counts nothing towards `LONG_MANIFESTS_MAX_BYTES`. */
export const LONG_MANIFEST_BYTES = 1 * KIB;

/** What all manifests of a package show beyond that, together: one document has all of them, and is made at once. */
export const LONG_MANIFESTS_MAX_BYTES = 8 * MIB;

/** Nesting of maps and lists in `colony.yaml`. Its own fields need four levels. */
export const YAML_DEPTH_MAX = 32;

/** Lexical tokens of `colony.yaml`, line ends included: about 5,000 lines. Reading that many takes some 100 ms of CPU. */
export const YAML_TOKENS_MAX = 25_000;
