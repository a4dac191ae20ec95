import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { statement } from "../db/statement.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { loadPackage, ownersOf } from "./find-package.ts";
import { loadVersion, loadVersions, requirePresent } from "./find-version.ts";
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
  /** The text that was asked for. Undefined if the archive has none, or is in quarantine. */
  readonly text: string | undefined;
}

/** The texts of an archive that a page shows. */
export type ShownText = "README.md" | "values.yaml";

interface TextRow {
  readonly text: string | null;
}

function textOfVersion(column: "readme" | "valuesText") {
  return statement<{ id: number }, TextRow>(({ query, tables: { versionContents } }) =>
    query
      .select({ text: versionContents[column] })
      .from(versionContents)
      .where(eq(versionContents.versionId, sql.placeholder("id"))),
  );
}

const TEXTS = { "README.md": textOfVersion("readme"), "values.yaml": textOfVersion("valuesText") };

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

interface Asked {
  /** Undefined for the version that stands for the package. */
  readonly version: string | undefined;
  readonly text?: ShownText | undefined;
}

/**
 * Reads what a page shows of a version, with one of its texts. Throws `package_not_found`,
 * `version_not_found` or `taken_down`.
 */
export function readShownVersion(
  { db, config }: Pick<Deps, "db" | "config">,
  name: PackageName,
  { version: asked, text: file }: Asked,
): Promise<ShownVersion> {
  return db.read(async (session) => {
    const row = await loadPackage(session, name);
    requirePresent(name, row);
    const found = asked === undefined ? await loadDefault(session, row) : await loadVersion(session, row, asked);
    requirePresent(`${row.name} ${found.row.version}`, found.row);
    const isReleased = row.quarantinedAt === null && found.row.quarantinedAt === null;
    const [owners, texts] = await pipelined([
      ownersOf(session, row.id),
      file !== undefined && isReleased ? TEXTS[file](session, { id: found.row.id }) : Promise.resolve([]),
    ]);
    return {
      summary: packageSummary(row, owners, manifestFrom(found.row.manifest)),
      version: versionView(config.publicUrl, row.name, found),
      text: texts[0]?.text ?? undefined,
    };
  });
}
