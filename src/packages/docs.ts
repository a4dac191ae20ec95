import { ENTRY_NAME_MAX_BYTES } from "../domain/limits.ts";
import { PACKAGE_NAME_MAX_CHARS, PACKAGE_NAME_PATTERN } from "../domain/package-name.ts";
import { VERSION_MAX_CHARS } from "../domain/version.ts";
import { BODY_PROBLEMS, operation, STORAGE_PROBLEMS } from "../http/operation.ts";

/* Documentation of the routes of packages in /swagger/json. */

const text = { type: "string" } as const;
const PACKAGE_PROBLEMS = ["package_not_found"] as const;
const VERSION_PROBLEMS = ["package_not_found", "version_not_found"] as const;
const CONTENT_PROBLEMS = [...VERSION_PROBLEMS, "quarantined", "taken_down"] as const;

/** `operationId`s of the routes that return a text file. */
const TEXT_IDS = { "README.md": "readReadme", "colony.yaml": "readManifest", "values.yaml": "readValues" } as const;

/** The parameters of the addresses. */
export const PACKAGE_PARAMETERS = {
  name: {
    description: "Name of the package",
    schema: { ...text, minLength: 1, maxLength: PACKAGE_NAME_MAX_CHARS, pattern: PACKAGE_NAME_PATTERN },
  },
  version: {
    description: "SemVer 2.0.0; where something is read, also `latest`: the highest release, not yanked",
    schema: { ...text, minLength: 1, maxLength: VERSION_MAX_CHARS },
  },
  path: {
    description: "Path of a file as the list of files has it, such as templates/job.json",
    schema: { ...text, minLength: 1, maxLength: ENTRY_NAME_MAX_BYTES },
  },
};

/** Clients ask for the headers of an archive before they download it. */
export const PACKAGE_HEAD_PATHS = ["/api/packages/{name}/{version}/download"];

/** The operations on packages, versions and downloads. */
export const packageDocs = {
  list: operation({
    id: "listPackages",
    summary: "Search packages",
    description: "An exact name comes first. Without a search text, the most downloaded come first.",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "One page", schema: "PackageList", headers: ["Link", "ETag"] },
      304: { description: "Unchanged" },
    },
    problems: ["validation_failed"],
  }),
  show: operation({
    id: "readPackage",
    summary: "A package with its versions, the highest first",
    description: "It has at most 100 versions. nextCursor leads to the next ones.",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "The package", schema: "Package", headers: ["ETag"] },
      304: { description: "Unchanged" },
    },
    problems: [...PACKAGE_PROBLEMS, "taken_down", "validation_failed"],
  }),
  dependents: operation({
    id: "listDependents",
    summary: "Packages whose latest version depends on this one",
    description: "The oldest packages come first. Packages of which every version is yanked do not appear.",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "Some of them", schema: "DependentList", headers: ["ETag"] },
      304: { description: "Unchanged" },
    },
    problems: [...PACKAGE_PROBLEMS, "validation_failed"],
  }),
  owned: operation({
    id: "listOwnedPackages",
    summary: "The packages that this account owns",
    description:
      "By name, with those that are in no search: in quarantine, taken down, or with every version yanked. An API token lists those that it is for.",
    tag: "packages",
    auth: "account",
    responses: { 200: { description: "Some of them", schema: "OwnedList" } },
    problems: ["validation_failed"],
  }),
  version: operation({
    id: "readVersion",
    summary: "One version; latest is the highest release that is not yanked",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "The version", schema: "Version", headers: ["ETag"] },
      304: { description: "Unchanged" },
    },
    problems: VERSION_PROBLEMS,
  }),
  download: operation({
    id: "downloadArchive",
    summary: "The archive",
    tag: "packages",
    auth: "reader",
    requestHeaders: {
      Range: "One range of bytes, such as bytes=0-1023",
      "If-Range": "The ETag that the range belongs to; another archive is sent whole",
      "If-None-Match": "The ETag the client has",
    },
    responses: {
      200: {
        description: "The archive",
        mediaType: "application/gzip",
        schema: "Archive",
        headers: ["ETag", "Content-Disposition", "Accept-Ranges", "Repr-Digest", "X-Checksum-Sha256"],
      },
      206: {
        description: "The range asked for",
        mediaType: "application/gzip",
        schema: "Archive",
        headers: ["Content-Range"],
      },
      302: {
        description: "With STORAGE_REDIRECT: an address of the storage that is valid for some minutes",
        headers: ["Location"],
      },
      304: { description: "Unchanged" },
    },
    problems: [
      ...CONTENT_PROBLEMS,
      "range_not_satisfiable",
      "blob_missing",
      "blob_corrupt",
      "blob_unreadable",
      "busy",
      ...STORAGE_PROBLEMS,
    ],
  }),
  yank: operation({
    id: "yankVersion",
    summary: "Yank a version",
    description:
      "The version leaves search and latest. It stays downloadable, because other packages may depend on it.",
    tag: "packages",
    auth: "account",
    responses: { 200: { description: "The version", schema: "Version" } },
    problems: [
      ...VERSION_PROBLEMS,
      "not_an_owner",
      "taken_down",
      "version_compromised",
      "log_rollback",
      "log_key_missing",
      "storage_full",
      ...BODY_PROBLEMS,
    ],
  }),
  unyank: operation({
    id: "unyankVersion",
    summary: "Undo a yank",
    tag: "packages",
    auth: "account",
    responses: { 200: { description: "The version", schema: "Version" } },
    problems: [
      ...VERSION_PROBLEMS,
      "not_an_owner",
      "taken_down",
      "version_compromised",
      "log_rollback",
      "log_key_missing",
      "storage_full",
    ],
  }),
  status: operation({
    id: "setPackageStatus",
    summary: "Set whether a package is active, archived or deprecated",
    description: "An archived package takes no new versions. Packages of every status are found and downloadable.",
    tag: "packages",
    auth: "account",
    responses: { 200: { description: "The package", schema: "Package" } },
    problems: [...PACKAGE_PROBLEMS, "not_an_owner", "taken_down", "storage_full", ...BODY_PROBLEMS],
  }),
  signature: operation({
    id: "readSignature",
    summary: "The publisher's signature and what it signs",
    tag: "packages",
    auth: "reader",
    responses: { 200: { description: "The signature", schema: "Signature" }, 304: { description: "Unchanged" } },
    problems: VERSION_PROBLEMS,
  }),
  proof: operation({
    id: "readProof",
    summary: "The proof that the log has this version",
    description: "c2sp.org/tlog-proof@v1: one file that is verified without the registry, with the log's verifier key.",
    tag: "log",
    auth: "reader",
    responses: {
      200: { description: "The proof", mediaType: "text/plain", schema: "Text" },
      304: { description: "Unchanged" },
    },
    problems: VERSION_PROBLEMS,
  }),
  files: operation({
    id: "listFiles",
    summary: "The files in the archive",
    tag: "packages",
    auth: "reader",
    responses: {
      200: { description: "The files, sorted by path", schema: "FileList" },
      304: { description: "Unchanged" },
    },
    problems: CONTENT_PROBLEMS,
  }),
  file: operation({
    id: "readFile",
    summary: "One file of the archive",
    description: "Text in UTF-8 is text/plain, everything else application/octet-stream. No browser runs it.",
    tag: "packages",
    auth: "reader",
    responses: {
      200: {
        description: "The file",
        mediaType: ["text/plain", "application/octet-stream"],
        schema: "Archive",
        headers: ["ETag"],
      },
      304: { description: "Unchanged" },
    },
    problems: [
      ...CONTENT_PROBLEMS,
      "file_not_found",
      "file_too_large",
      "blob_missing",
      "blob_corrupt",
      "blob_unreadable",
      "busy",
      ...STORAGE_PROBLEMS,
    ],
  }),
  text: (file: keyof typeof TEXT_IDS, mediaType: string) =>
    operation({
      id: TEXT_IDS[file],
      summary: `${file} as text`,
      tag: "packages",
      auth: "reader",
      responses: { 200: { description: file, mediaType, schema: "Text" }, 304: { description: "Unchanged" } },
      problems: [...CONTENT_PROBLEMS, "contents_not_found"],
    }),
};
