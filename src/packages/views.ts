import type { ArchiveWarning } from "../archive/inspect.ts";
import type { Tables } from "../db/database.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import type { StatusReason } from "../tlog/status-leaf.ts";
import { type ListedManifest, type ManifestRecord, manifestFrom, warningsFrom } from "./records.ts";

/** A row of the table of packages. */
export type PackageRow = Tables["packages"]["$inferSelect"];
/** A row of the table of versions. */
export type VersionRow = Tables["versions"]["$inferSelect"];

/** The columns of a version or package that say whether it is in quarantine. */
export type Quarantinable = Pick<PackageRow, "quarantinedAt" | "quarantineReason">;

/** A version with the user name of its publisher. */
export interface PublishedVersion {
  readonly row: VersionRow;
  readonly publishedBy: string;
  /** Undefined in the response to a publish: a package in quarantine accepts no publish. */
  readonly ofPackage?: Quarantinable;
}

/** Why and since when a version or package is in quarantine. */
export interface QuarantineView {
  readonly reason: string;
  readonly at: string;
}

/** Why and since when a version is taken down. */
interface TakedownView {
  readonly reason: StatusReason;
  readonly at: string;
}

/** A version as the API shows it. */
export interface VersionView extends ManifestRecord {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly yanked: boolean;
  readonly yankReason: string | null;
  readonly yankMessage: string | null;
  readonly yankReplacement: string | null;
  /** The quarantine of the version, or else of its package. */
  readonly quarantine: QuarantineView | null;
  /** Set once the contents are gone for good. */
  readonly takedown: TakedownView | null;
  readonly signature: {
    readonly scheme: string;
    readonly keyId: string;
    readonly publicKey: string;
    readonly value: string;
    /** True if the key was compromised before it signed this version. */
    readonly compromised: boolean;
  };
  /** The index of its leaf in the log; null in a dry run. */
  readonly logIndex: number | null;
  readonly warnings: readonly ArchiveWarning[];
  readonly downloads: number;
  readonly downloadUrl: string;
  readonly proofUrl: string;
}

/** A package as lists show it. */
export interface PackageSummary {
  readonly name: string;
  readonly description: string;
  readonly latest: string | null;
  readonly latestPublishedAt: string | null;
  /** The same as `latest`, by the name that dashboards know. */
  readonly version: string | null;
  /** Of the latest version. */
  readonly inputs: ManifestRecord["inputs"];
  /** Of the latest version. */
  readonly maintainers: ManifestRecord["maintainers"];
  readonly tags: readonly string[];
  readonly owners: readonly string[];
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly downloads: number;
  readonly status: PackageRow["status"];
  readonly statusMessage: string | null;
  readonly statusReplacement: string | null;
  readonly quarantine: QuarantineView | null;
}

/** Returns the address of a version in the API. */
export function versionUrl(publicUrl: string, name: string, version: string): string {
  return `${publicUrl}/api/packages/${name}/${encodeURIComponent(version)}`;
}

/** Returns why and since when a row is in quarantine. */
export function quarantineView({ quarantinedAt, quarantineReason }: Quarantinable): QuarantineView | null {
  if (quarantinedAt === null) return null;
  return { reason: quarantineReason ?? "", at: quarantinedAt.toISOString() };
}

function takedownView({ takenDownAt, takedownReason }: VersionRow): TakedownView | null {
  if (takenDownAt === null) return null;
  return { reason: takedownReason ?? "policy", at: takenDownAt.toISOString() };
}

/** Makes the view of a version. */
export function versionView(publicUrl: string, name: string, published: PublishedVersion): VersionView {
  const { row, publishedBy, ofPackage } = published;
  return {
    name,
    version: row.version,
    ...manifestFrom(row.manifest),
    sha256: row.sha256,
    size: row.size,
    publishedAt: row.publishedAt.toISOString(),
    publishedBy,
    yanked: row.yankedAt !== null,
    yankReason: row.yankReason,
    yankMessage: row.yankMessage,
    yankReplacement: row.yankReplacement,
    quarantine: quarantineView(row) ?? (ofPackage === undefined ? null : quarantineView(ofPackage)),
    takedown: takedownView(row),
    signature: {
      scheme: row.signatureScheme,
      keyId: keyIdOf(row.publicKey),
      publicKey: row.publicKey,
      value: row.signature,
      compromised: row.keyCompromised,
    },
    logIndex: row.logIndex,
    warnings: warningsFrom(row.warnings),
    downloads: row.downloads,
    downloadUrl: `${versionUrl(publicUrl, name, row.version)}/download`,
    proofUrl: `${versionUrl(publicUrl, name, row.version)}/proof`,
  };
}

/** Makes the view of a package in a list. `manifest` is that of its latest version. */
export function packageSummary(
  row: PackageRow,
  owners: readonly string[],
  manifest: ListedManifest | undefined,
): PackageSummary {
  return {
    name: row.name,
    description: row.description,
    latest: row.latest,
    latestPublishedAt: row.latestPublishedAt?.toISOString() ?? null,
    version: row.latest,
    inputs: manifest?.inputs ?? [],
    maintainers: manifest?.maintainers ?? [],
    tags: row.tags,
    owners,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    downloads: row.downloads,
    status: row.status,
    statusMessage: row.statusMessage,
    statusReplacement: row.statusReplacement,
    quarantine: quarantineView(row),
  };
}
