import { type Static, t } from "elysia";
import { PACKAGE_NAME_MAX_CHARS, PACKAGE_NAME_PATTERN, parsePackageName } from "../domain/package-name.ts";
import { isReplacement, REPLACEMENT_MAX_CHARS } from "../domain/replacement.ts";
import { SHORT_VERSION_PATTERN, VERSION_MAX_CHARS } from "../domain/version.ts";
import { failure } from "../errors.ts";
import { cursorParameter, nextCursor } from "../http/cursor-schemas.ts";
import { wholeNumber } from "../http/integer-parameter.ts";
import { oneOf, withheldSince } from "../http/schemas.ts";
import { CURSOR_MAX_CHARS } from "../search/list-cursor.ts";
import { SORTS } from "../search/package-search.ts";
import { SIGNATURE_SCHEMES } from "../signing/statement.ts";
import { ASKED_TAGS_MAX } from "./asked-tags.ts";
import { PACKAGE_STATUSES, type PackageStatus } from "./package-status.ts";
import type { Yank } from "./yank.ts";
import { MESSAGE_MAX_CHARS, YANK_REASONS } from "./yank-reasons.ts";

/*
 * Schemas of the responses and requests of packages. `error` is the sentence a user reads when a
 * field breaks its rule.
 */

/**
 * The largest page number and page size, as powers of ten: a million pages, a hundred packages on a
 * page.
 */
const PAGE_MAX_ZEROS = 6;
const PAGE_SIZE_MAX_ZEROS = 2;
const PAGE_SIZE_DEFAULT = 20;
/** The largest id of a package as a power of ten: more than there will be. */
const CURSOR_MAX_ZEROS = 15;

const QUERY_TEXT_MAX_CHARS = 400;

const Text = t.String();
const OptionalText = t.Optional(t.String());
const Time = t.String({ format: "date-time" });
const Nullable = <T extends ReturnType<typeof t.String>>(schema: T) =>
  t.Unsafe<string | null>({ ...schema, nullable: true });

const ManifestValue = t.Unknown({
  description: "Any value of YAML, as yaml.v3 reads it: numbers that JSON would change are texts",
});

const Quarantine = withheldSince("Why and since when it is in quarantine. Its contents are refused with 403");
const Takedown = withheldSince("Why (legal, secret, malware, policy) and since when it is gone. It answers 451");

const Scheme = t.Union(SIGNATURE_SCHEMES.map((scheme) => t.Literal(scheme)));

const WarningSchema = t.Object({ code: Text, message: Text, path: OptionalText });

const Maintainers = t.Array(t.Object({ name: OptionalText, email: OptionalText, url: OptionalText }));

const Inputs = t.Array(
  t.Object({
    key: OptionalText,
    label: OptionalText,
    type: OptionalText,
    description: OptionalText,
    required: t.Boolean(),
    default: t.Optional(ManifestValue),
    options: t.Array(ManifestValue),
  }),
);

const versionFields = {
  name: Text,
  version: Text,
  description: Text,
  sha256: t.String({ description: "Lower-case hex SHA-256 of the archive" }),
  size: t.Integer({ description: "Bytes of the archive" }),
  publishedAt: Time,
  publishedBy: Text,
  yanked: t.Boolean(),
  yankReason: Nullable(Text),
  yankMessage: Nullable(Text),
  yankReplacement: Nullable(Text),
  quarantine: Quarantine,
  takedown: Takedown,
  signature: t.Object({
    scheme: Scheme,
    keyId: Text,
    publicKey: t.String({ description: "Lower-case hex" }),
    value: t.String({ description: "Base64" }),
    compromised: t.Boolean({ description: "Its key was already compromised when it signed" }),
  }),
  logIndex: t.Unsafe<number | null>({
    type: "integer",
    nullable: true,
    description: "Index of its leaf in the log; null in a dry run",
  }),
  dependencies: t.Array(t.Object({ name: Text, version: OptionalText })),
  tags: t.Array(Text),
  maintainers: Maintainers,
  inputs: Inputs,
  conditions: t.Object({ colonyOSVersion: OptionalText, architecture: OptionalText }),
  license: OptionalText,
  homepage: OptionalText,
  repository: OptionalText,
  warnings: t.Array(WarningSchema),
  downloads: t.Integer(),
  downloadUrl: Text,
  proofUrl: t.String({ description: "The proof that the log has this version" }),
};

const VersionSchema = t.Object(versionFields);

const LoggedVersionSchema = t.Object({
  ...versionFields,
  proof: t.Unsafe<string | null>({
    type: "string",
    nullable: true,
    description: "The proof itself, as at proofUrl; null in a dry run",
  }),
});

const summaryFields = {
  name: Text,
  description: Text,
  latest: Nullable(Text),
  latestPublishedAt: Nullable(Time),
  version: Nullable(t.String({ description: "The same as latest" })),
  inputs: Inputs,
  maintainers: Maintainers,
  tags: t.Array(Text),
  owners: t.Array(t.String({ description: "User name" })),
  createdAt: Time,
  updatedAt: Time,
  downloads: t.Integer(),
  status: t.Union(PACKAGE_STATUSES.map((status) => t.Literal(status))),
  statusMessage: Nullable(Text),
  statusReplacement: Nullable(t.String({ description: "The package to use instead" })),
  quarantine: Quarantine,
};

const PackageSummarySchema = t.Object(summaryFields);

const versionRef = t.Unsafe({ $ref: "#/components/schemas/Version" });
const summaryRef = t.Unsafe({ $ref: "#/components/schemas/PackageSummary" });

const PackageSchema = t.Object({ ...summaryFields, nextCursor, versions: t.Array(versionRef) });

const PackageListSchema = t.Object({
  items: t.Array(summaryRef),
  page: t.Integer(),
  pageSize: t.Integer(),
  total: t.Integer(),
  totalPages: t.Integer(),
  nextCursor,
  totalCapped: t.Optional(
    t.Literal(true, { description: "More packages match than a search looks for. total is that bound" }),
  ),
});

const CursorListSchema = t.Object({ items: t.Array(summaryRef), nextCursor });

const FileListSchema = t.Object({
  items: t.Array(t.Object({ path: Text, size: t.Integer(), sha256: Text })),
});

const SignatureSchema = t.Object({
  scheme: Scheme,
  keyId: Text,
  publicKey: t.String({ description: "Lower-case hex" }),
  signature: t.String({ description: "Base64" }),
  statement: t.Unsafe<string | null>({ type: "string", nullable: true, description: "The bytes that cpm-v1 signs" }),
});

/** By their names in /swagger/json. */
export const packageSchemas = {
  LoggedVersion: LoggedVersionSchema,
  Archive: t.Unsafe({ type: "string", format: "binary" }),
  DependentList: CursorListSchema,
  FileList: FileListSchema,
  OwnedList: CursorListSchema,
  Package: PackageSchema,
  PackageList: PackageListSchema,
  PackageSummary: PackageSummarySchema,
  Signature: SignatureSchema,
  Version: VersionSchema,
};

/**
 * Declares a text parameter of a search. The links of a page repeat it four times, so it is short.
 */
function askedText(description: string) {
  const error = `must be given once, with at most ${QUERY_TEXT_MAX_CHARS} characters`;
  return t.Optional(t.String({ description, maxLength: QUERY_TEXT_MAX_CHARS, error }));
}

const packagesPerPage = t.Optional(
  wholeNumber({ description: "How many packages a page has", zeros: PAGE_SIZE_MAX_ZEROS, preset: PAGE_SIZE_DEFAULT }),
);

/** The query of `GET /api/packages`. `q` and `tag` are older names of `search` and `tags`. */
export const ListQuery = t.Object({
  search: askedText("Words of name, tags, authors and description"),
  q: askedText("Alias of search"),
  tags: askedText(`Comma-separated, at most ${ASKED_TAGS_MAX}; a package must have all`),
  tag: askedText("Alias of tags"),
  author: askedText("User name of an owner or name of a maintainer"),
  sort: t.Optional(
    t.UnionEnum(SORTS, {
      description: "The order; relevance without a search text is downloads",
      error: `must be one of ${SORTS.join(", ")}`,
    }),
  ),
  page: t.Optional(wholeNumber({ description: "Which page, counted from 1", zeros: PAGE_MAX_ZEROS, preset: 1 })),
  cursor: cursorParameter(CURSOR_MAX_CHARS),
  pageSize: packagesPerPage,
});

/** The query of `GET /api/packages/{name}`. Its cursor is a version. */
export const VersionsQuery = t.Object({
  cursor: cursorParameter(VERSION_MAX_CHARS, SHORT_VERSION_PATTERN),
  page: t.Optional(wholeNumber({ description: "Which page, counted from 1", zeros: PAGE_MAX_ZEROS, preset: 1 })),
  pageSize: t.Optional(wholeNumber({ description: "How many versions a page has", zeros: 2, preset: 100 })),
});

/** The query of `GET /api/packages/{name}/dependents`. Its cursor is the id of a package. */
export const DependentsQuery = t.Object({
  cursor: t.Optional(wholeNumber({ description: "The `nextCursor` of the previous answer", zeros: CURSOR_MAX_ZEROS })),
  pageSize: packagesPerPage,
});

/** The query of `GET /api/auth/packages`. Its cursor is the name of a package. */
export const OwnedQuery = t.Object({
  cursor: cursorParameter(PACKAGE_NAME_MAX_CHARS, PACKAGE_NAME_PATTERN),
  pageSize: packagesPerPage,
});

/**
 * Returns the known parameters of a list's address, which are all that its links repeat. Throws
 * `validation_failed` when one is too long: the schema sees a single value of a parameter that is
 * given several times.
 */
export function knownParameters(parameters: URLSearchParams): URLSearchParams {
  const known = Object.keys(ListQuery.properties).filter((name) => name !== "cursor");
  const faults = known
    .filter((name) => parameters.getAll(name).join(",").length > QUERY_TEXT_MAX_CHARS)
    .map((name) => ({ path: `/${name}`, message: `must have at most ${QUERY_TEXT_MAX_CHARS} characters in all` }));
  if (faults.length > 0) throw failure({ code: "validation_failed", faults });
  return new URLSearchParams([...parameters].filter(([name]) => known.includes(name)));
}

const Message = t.String({
  maxLength: MESSAGE_MAX_CHARS,
  pattern: "^[^\\u0000]*$",
  error: `must be at most ${MESSAGE_MAX_CHARS.toLocaleString("en")} characters, none of them NUL`,
});

const REPLACEMENT_RULE = "must be a version, the name of a package, or both as name@version";

/** The body of a yank, which may be missing. */
export const YankBody = t.Object({
  reason: t.Optional(oneOf(YANK_REASONS)),
  message: t.Optional(Message),
  replacement: t.Optional(t.String({ maxLength: REPLACEMENT_MAX_CHARS, error: REPLACEMENT_RULE })),
});

/**
 * Reads the yank that a body asks for. Throws `validation_failed` for a replacement that is neither
 * a version nor a package.
 */
export function askedYank({ reason, message, replacement }: Static<typeof YankBody>): Yank {
  if (replacement !== undefined && !isReplacement(replacement)) throw invalid("/replacement", REPLACEMENT_RULE);
  return { reason, message, replacement };
}

const STATUS_REPLACEMENT_RULE = "must be the name of the package to use instead";

/** The body that deprecates or archives a package, or takes that back. */
export const PackageStatusBody = t.Object({
  status: oneOf(PACKAGE_STATUSES),
  message: t.Optional(Message),
  replacement: t.Optional(t.String({ maxLength: PACKAGE_NAME_MAX_CHARS, error: STATUS_REPLACEMENT_RULE })),
});

/**
 * Reads the status that a body asks for. Throws `validation_failed` for a replacement that is not a
 * name.
 */
export function askedStatus({ status, message, replacement }: Static<typeof PackageStatusBody>): PackageStatus {
  const instead = replacement === undefined ? undefined : parsePackageName(replacement);
  if (replacement !== instead) throw invalid("/replacement", STATUS_REPLACEMENT_RULE);
  return { status, message, replacement: instead };
}

function invalid(path: string, message: string) {
  return failure({ code: "validation_failed", faults: [{ path, message }] });
}
