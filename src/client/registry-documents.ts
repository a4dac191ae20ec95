import { each, members, optional, type Shape } from "./document-shape.ts";

/*
 * What commands read of the registry's documents. The API describes each in full; these have only
 * the members that the commands show.
 */

/** Why and since when something is in quarantine. */
export type QuarantineDocument = { readonly reason: string; readonly at: string } | null;

/** A package in a list. */
export interface SummaryDocument {
  readonly name: string;
  readonly description: string;
  readonly latest: string | null;
  readonly latestPublishedAt: string | null;
  readonly tags: readonly string[];
  readonly owners: readonly string[];
  readonly downloads: number;
  readonly status: "active" | "deprecated" | "archived";
  readonly statusMessage: string | null;
  readonly statusReplacement: string | null;
  readonly quarantine: QuarantineDocument;
}

/** A page of packages. */
export interface PackageListDocument {
  readonly items: readonly SummaryDocument[];
  readonly page: number;
  readonly total: number;
  readonly totalPages: number;
  readonly totalCapped?: true;
}

/** A version. */
export interface VersionDocument {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly sha256: string;
  readonly size: number;
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly yanked: boolean;
  readonly yankReason: string | null;
  readonly yankMessage: string | null;
  readonly yankReplacement: string | null;
  readonly quarantine: QuarantineDocument;
  /** Missing in the answer of an older registry. */
  readonly takedown?: QuarantineDocument;
  readonly signature: {
    readonly scheme: string;
    readonly keyId: string;
    readonly publicKey: string;
    readonly compromised: boolean;
  };
  readonly logIndex: number | null;
  readonly dependencies: readonly { readonly name: string; readonly version?: string }[];
  readonly inputs: readonly {
    readonly key?: string;
    readonly type?: string;
    readonly required: boolean;
    readonly default?: unknown;
    readonly description?: string;
  }[];
  readonly maintainers: readonly { readonly name?: string; readonly email?: string }[];
  readonly license?: string;
  readonly homepage?: string;
  readonly repository?: string;
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly path?: string }[];
  readonly downloads: number;
}

/** A package with its newest versions. */
export interface PackageDocument extends SummaryDocument {
  readonly versions: readonly VersionDocument[];
  readonly nextCursor: string | null;
}

const QUARANTINE: Shape = optional(members({ reason: "string", at: "string" }));

const summary = {
  name: "string",
  description: "string",
  latest: optional("string"),
  latestPublishedAt: optional("string"),
  tags: each("string"),
  owners: each("string"),
  downloads: "number",
  status: "string",
  statusMessage: optional("string"),
  statusReplacement: optional("string"),
  quarantine: QUARANTINE,
} as const;

/** The shape of `PackageListDocument`. */
export const PACKAGE_LIST: Shape = members({
  items: each(members(summary)),
  page: "number",
  total: "number",
  totalPages: "number",
});

/** The shape of `VersionDocument`. */
export const VERSION: Shape = members({
  name: "string",
  version: "string",
  description: "string",
  sha256: "string",
  size: "number",
  publishedAt: "string",
  publishedBy: "string",
  yanked: "boolean",
  yankReason: optional("string"),
  yankMessage: optional("string"),
  yankReplacement: optional("string"),
  quarantine: QUARANTINE,
  takedown: QUARANTINE,
  signature: members({ scheme: "string", keyId: "string", publicKey: "string", compromised: "boolean" }),
  logIndex: optional("number"),
  dependencies: each(members({ name: "string", version: optional("string") })),
  inputs: each(
    members({
      key: optional("string"),
      type: optional("string"),
      required: "boolean",
      description: optional("string"),
    }),
  ),
  maintainers: each(members({ name: optional("string"), email: optional("string") })),
  license: optional("string"),
  homepage: optional("string"),
  repository: optional("string"),
  warnings: each(members({ code: "string", message: "string", path: optional("string") })),
  downloads: "number",
});

/** The shape of `PackageDocument`. */
export const PACKAGE: Shape = members({ ...summary, versions: each(VERSION), nextCursor: optional("string") });
