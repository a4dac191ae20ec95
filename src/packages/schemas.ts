import { t } from "elysia";
import { SORTS } from "../search/search-packages.ts";
import { SIGNATURE_SCHEMES } from "../signing/statement.ts";

/* What packages answer with and are asked by. `error` is the sentence a user reads when a field breaks its rule. */

/** Largest numbers, as powers of ten: a million pages, a hundred packages on a page. */
const PAGE_MAX_ZEROS = 6;
const PAGE_SIZE_MAX_ZEROS = 2;
const PAGE_SIZE_DEFAULT = 20;

const Text = t.String();
const OptionalText = t.Optional(t.String());
const Time = t.String({ format: "date-time" });
const Nullable = <T extends ReturnType<typeof t.String>>(schema: T) =>
  t.Unsafe<string | null>({ ...schema, nullable: true });

const ManifestValue = t.Unknown({ description: "Any value of YAML; numbers and flags are the text as written" });

const WarningSchema = t.Object({ code: Text, message: Text, path: OptionalText });

const VersionSchema = t.Object({
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
  signature: t.Object({
    scheme: t.Union(SIGNATURE_SCHEMES.map((scheme) => t.Literal(scheme))),
    keyId: Text,
    publicKey: t.String({ description: "Lower-case hex" }),
    value: t.String({ description: "Base64" }),
  }),
  logIndex: t.Unsafe<number | null>({ type: "integer", nullable: true }),
  dependencies: t.Array(t.Object({ name: Text, version: OptionalText })),
  tags: t.Array(Text),
  maintainers: t.Array(t.Object({ name: OptionalText, email: OptionalText, url: OptionalText })),
  inputs: t.Array(
    t.Object({
      key: OptionalText,
      label: OptionalText,
      type: OptionalText,
      description: OptionalText,
      required: t.Boolean(),
      default: t.Optional(ManifestValue),
      options: t.Array(ManifestValue),
    }),
  ),
  conditions: t.Object({ colonyOSVersion: OptionalText, architecture: OptionalText }),
  license: OptionalText,
  homepage: OptionalText,
  repository: OptionalText,
  warnings: t.Array(WarningSchema),
  downloads: t.Integer(),
  downloadUrl: Text,
});

const summaryFields = {
  name: Text,
  description: Text,
  latest: Nullable(Text),
  latestPublishedAt: Nullable(Time),
  tags: t.Array(Text),
  owners: t.Array(t.String({ description: "User name" })),
  createdAt: Time,
  updatedAt: Time,
  downloads: t.Integer(),
};

const PackageSummarySchema = t.Object(summaryFields);

const versionRef = t.Unsafe({ $ref: "#/components/schemas/Version" });
const summaryRef = t.Unsafe({ $ref: "#/components/schemas/PackageSummary" });

const PackageSchema = t.Object({ ...summaryFields, versions: t.Array(versionRef) });

const PackageListSchema = t.Object({
  items: t.Array(summaryRef),
  page: t.Integer(),
  pageSize: t.Integer(),
  total: t.Integer(),
  totalPages: t.Integer(),
});

const FileListSchema = t.Object({
  items: t.Array(t.Object({ path: Text, size: t.Integer(), sha256: Text })),
});

const SignatureSchema = t.Object({
  scheme: t.Union(SIGNATURE_SCHEMES.map((scheme) => t.Literal(scheme))),
  keyId: Text,
  publicKey: t.String({ description: "Lower-case hex" }),
  signature: t.String({ description: "Base64" }),
  statement: t.Unsafe<string | null>({ type: "string", nullable: true, description: "The bytes that cpm-v1 signs" }),
});

/** By the names under which /swagger/json has them. */
export const packageSchemas = {
  Archive: t.Unsafe({ type: "string", format: "binary" }),
  FileList: FileListSchema,
  Package: PackageSchema,
  PackageList: PackageListSchema,
  PackageSummary: PackageSummarySchema,
  Signature: SignatureSchema,
  Version: VersionSchema,
};

/** From 1 to a one with so many zeros. Elysia's own `t.Integer` forgets which parameter was out of range. */
function wholeNumber(description: string, zeros: number, preset: number) {
  const maximum = 10 ** zeros;
  const text = t.String({
    description,
    pattern: `^(?:[1-9][0-9]{0,${zeros - 1}}|10{${zeros}})$`,
    error: `must be a whole number from 1 to ${maximum}`,
    documentedAs: { type: "integer", minimum: 1, maximum, default: preset },
  });
  return t.Transform(text).Decode(Number).Encode(String);
}

export const ListQuery = t.Object({
  search: t.Optional(
    t.String({ description: "Words of name, tags, authors and description", error: "must be given once" }),
  ),
  q: t.Optional(t.String({ description: "Another spelling of search", error: "must be given once" })),
  tags: t.Optional(t.String({ description: "Comma-separated; a package must have all", error: "must be given once" })),
  tag: t.Optional(t.String({ description: "Another spelling of tags", error: "must be given once" })),
  author: t.Optional(
    t.String({ description: "User name of an owner or name of a maintainer", error: "must be given once" }),
  ),
  sort: t.Optional(
    t.UnionEnum(SORTS, {
      description: "The order; relevance without a search text is downloads",
      error: `must be one of ${SORTS.join(", ")}`,
    }),
  ),
  page: t.Optional(wholeNumber("Which page, counted from 1", PAGE_MAX_ZEROS, 1)),
  pageSize: t.Optional(wholeNumber("How many packages a page has", PAGE_SIZE_MAX_ZEROS, PAGE_SIZE_DEFAULT)),
});

/** Every tag asked for, by either name of the parameter, given once (`tags=a,b`) or several times; empty ones are left out. */
export function askedTags(parameters: URLSearchParams): string[] {
  const lists = [...parameters.getAll("tags"), ...parameters.getAll("tag")];
  return lists.flatMap((list) => list.split(",").map((tag) => tag.trim())).filter((tag) => tag !== "");
}

export const YankBody = t.Object({
  reason: t.Optional(
    t.String({ maxLength: 200, pattern: "^[^\\u0000-\\u001f]*$", error: "must be at most 200 characters in one line" }),
  ),
  message: t.Optional(
    t.String({ maxLength: 1_000, pattern: "^[^\\u0000]*$", error: "must be at most 1,000 characters" }),
  ),
});

export const PublishQuery = t.Object({
  dryRun: t.Optional(
    t.BooleanString({ description: "Check everything, store nothing", error: "must be true or false" }),
  ),
});
