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
