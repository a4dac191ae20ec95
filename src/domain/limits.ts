const KIB = 1_024;
const MIB = 1_024 * KIB;

/** The limits of one archive. An operator may lower each of them. */
export interface ArchiveLimits {
  /**
   * The size of the upload as received. It is enforced while the body is received, and again while
   * the archive is inspected.
   */
  readonly compressedMaxBytes: number;
  /** The size of the tar inside, including headers and padding. Inflating stops at this size. */
  readonly unpackedMaxBytes: number;
  /** The number of files and directories in the tar. */
  readonly entriesMax: number;
  /** The size of `colony.yaml`. */
  readonly manifestMaxBytes: number;
}

/** The limits of archives unless the settings lower them. */
export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  compressedMaxBytes: 20 * MIB,
  unpackedMaxBytes: 128 * MIB,
  entriesMax: 10_000,
  manifestMaxBytes: 256 * KIB,
};

/** The highest value that a configuration may set for `compressedMaxBytes`. */
export const COMPRESSED_HARD_MAX_BYTES = 100 * MIB;

/** The limits of every archive that any registry can have accepted, whatever its settings were. */
export const WIDEST_ARCHIVE_LIMITS: ArchiveLimits = {
  ...DEFAULT_ARCHIVE_LIMITS,
  compressedMaxBytes: COMPRESSED_HARD_MAX_BYTES,
};

/**
 * The length of an entry name in UTF-8. With a folder before it, the path still fits the 260
 * characters of Windows.
 */
export const ENTRY_NAME_MAX_BYTES = 240;

/** The segments of an entry name, including the file itself. */
export const ENTRY_DEPTH_MAX = 16;

/** A README or `values.yaml` above this size is part of the archive but is not stored as text. */
export const STORED_TEXT_MAX_BYTES = 1 * MIB;

/**
 * A template is scanned for calls up to this size, because scanning costs CPU time and half a MiB
 * can inflate to 120.
 */
export const TEMPLATE_SCAN_MAX_BYTES = 1 * MIB;

/**
 * The limit for all templates of an archive together, so that many of them cannot cost what a
 * single one may not.
 */
export const TEMPLATE_SCANS_MAX_BYTES = 8 * MIB;

/** The secrets that are listed for one archive; further ones are counted. */
export const SECRETS_MAX = 50;

/**
 * The places in an archive that look like the start of a secret. Each costs the time to examine up
 * to a kibibyte behind it, so this bounds the CPU time of an archive. An archive with more of them
 * is not text, or was made to waste time.
 */
export const SECRET_CANDIDATES_MAX = 100_000;

/**
 * The size of a file of an archive that is sent by itself. Larger ones are downloaded and unpacked.
 */
export const SHOWN_FILE_MAX_BYTES = 1 * MIB;

/** The size of a text that a page shows with line numbers. Longer ones are only linked. */
export const SHOWN_TEXT_MAX_BYTES = 256 * KIB;

/** A gzip header is 10 bytes and maybe a file name. A longer one hides something. */
export const GZIP_HEADER_MAX_BYTES = 4 * KIB;

/**
 * The size of one PAX header. It has room for several times what one can need: a path, three times
 * and four owner fields.
 */
export const PAX_HEADER_MAX_BYTES = 8 * KIB;

/** The problems that are listed in one response; further ones are counted. */
export const ARCHIVE_FAULTS_MAX = 100;

/**
 * The size of the shown fields of a manifest, as JSON. The page of a package has them once per
 * version.
 */
export const SHOWN_MANIFEST_MAX_BYTES = 32 * KIB;

/**
 * Up to this size, the shown fields of a manifest and the warnings about its archive are not
 * counted towards `LONG_MANIFESTS_MAX_BYTES`.
 */
export const LONG_MANIFEST_BYTES = 1 * KIB;

/**
 * The sum of what all manifests of a package show beyond `LONG_MANIFEST_BYTES`. One document has
 * all of them and is built at once.
 */
export const LONG_MANIFESTS_MAX_BYTES = 8 * MIB;

/** A longer `values.yaml` is not checked for mistakes, because it is parsed in one turn. */
export const VALUES_CHECK_MAX_BYTES = 256 * KIB;

/** The nesting of maps and lists in `colony.yaml`. Its own fields need four levels. */
export const YAML_DEPTH_MAX = 32;

/**
 * The lexical tokens of `colony.yaml`, four for a key with its value: about 2,500 lines. It bounds
 * the CPU time of reading, which happens in one turn of the event loop.
 */
export const YAML_TOKENS_MAX = 10_000;
