import { compareVersions, isPrerelease, parseVersion, type Version } from "../domain/version.ts";
import type { ApiClient } from "./api-client.ts";
import { getDocument } from "./document-shape.ts";
import { type PackageSpec, versionPath } from "./package-spec.ts";
import { packageVersions } from "./package-versions.ts";
import { VERSION, type VersionDocument } from "./registry-documents.ts";

/** Which version a command takes where the user named none. */
export interface AgedChoice {
  /** The latest version that is old enough. Undefined if there is none. */
  readonly version: string | undefined;
  /** The latest version, where it is too young. */
  readonly tooYoung: VersionDocument | undefined;
}

/** Whether the user leaves the choice of the version to the registry. */
export function leavesChoice({ version }: PackageSpec): boolean {
  return version === undefined || version === "latest";
}

/**
 * Chooses the latest version that was published at least `minimumAgeMs` before `now`, by the rules
 * for `latest`: a release that is neither yanked nor in quarantine. Times are those that the
 * registry gives; this protects from publishers, and not from the registry.
 */
export async function chooseAged(
  client: ApiClient,
  { name }: PackageSpec,
  minimumAgeMs: number,
  now: Date,
): Promise<AgedChoice> {
  const isOld = ({ publishedAt }: VersionDocument) => now.getTime() - Date.parse(publishedAt) >= minimumAgeMs;
  const latest = await getDocument<VersionDocument>(client, versionPath({ name, version: "latest" }), VERSION);
  if (isOld(latest)) return { version: latest.version, tooYoung: undefined };
  const candidates = (await packageVersions(client, name)).filter(isOld).flatMap(releaseOf);
  const chosen = candidates.reduce<Version | undefined>(
    (best, each) => (best === undefined || compareVersions(each, best) > 0 ? each : best),
    undefined,
  );
  return { version: chosen?.text, tooYoung: latest };
}

function releaseOf({ version, yanked, quarantine, takedown = null, signature }: VersionDocument): Version[] {
  const parsed = parseVersion(version);
  if (parsed === undefined || isPrerelease(parsed)) return [];
  return yanked || quarantine !== null || takedown !== null || signature.compromised ? [] : [parsed];
}
