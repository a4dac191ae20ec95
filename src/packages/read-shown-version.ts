import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { loadPackage, ownersOf } from "./find-package.ts";
import { loadVersion, loadVersions } from "./find-version.ts";
import { manifestFrom } from "./records.ts";
import {
  type PackageRow,
  type PackageSummary,
  type PublishedVersion,
  packageSummary,
  type VersionView,
  versionView,
} from "./views.ts";

/** A version together with its package, as pages show it. */
export interface ShownVersion {
  readonly summary: PackageSummary;
  readonly version: VersionView;
}

/**
 * The latest version. A package whose versions are all yanked or in quarantine has none; then the
 * highest is shown, with what is wrong with it.
 */
async function loadDefault(session: DbSession, row: PackageRow): Promise<PublishedVersion> {
  if (row.latest !== null) return loadVersion(session, row, row.latest);
  const [highest] = await loadVersions(session, row.id, { max: 1 });
  if (highest === undefined) throw failure({ code: "version_not_found", name: row.name, version: "latest" });
  return highest;
}

/**
 * Reads what a page shows of a version, or of the one that stands for the package if none is asked
 * for. Throws `package_not_found` or `version_not_found`.
 */
export function readShownVersion(
  { db, config }: Pick<Deps, "db" | "config">,
  name: PackageName,
  asked?: string,
): Promise<ShownVersion> {
  return db.read(async (session) => {
    const row = await loadPackage(session, name);
    const found = asked === undefined ? await loadDefault(session, row) : await loadVersion(session, row, asked);
    const owners = await ownersOf(session, row.id);
    return {
      summary: packageSummary(row, owners, manifestFrom(found.row.manifest)),
      version: versionView(config.publicUrl, row.name, found),
    };
  });
}
