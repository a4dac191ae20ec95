import { eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { ArchiveFile } from "../registry/archive.ts";
import type { PackageName } from "../registry/package-name.ts";
import { loadNamedVersion } from "./queries.ts";
import { filesFrom } from "./records.ts";

/** What was in an archive, as far as it is shown without unpacking it. */
export interface VersionContents {
  readonly version: string;
  readonly sha256: string;
  readonly files: readonly ArchiveFile[];
  readonly manifest: string;
  readonly readme: string | undefined;
  readonly values: string | undefined;
}

/** Reads the kept contents of a version. Throws `package_not_found` or `version_not_found`. */
export function readContents(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
): Promise<VersionContents> {
  return db.read(async (session) => {
    const { row } = await loadNamedVersion(session, name, asked);
    const { versionContents } = session.tables;
    const [kept] = await session.query.select().from(versionContents).where(eq(versionContents.versionId, row.id));
    if (kept === undefined) throw new Error("A version has no contents row");
    return {
      version: row.version,
      sha256: row.sha256,
      files: filesFrom(kept.files),
      manifest: kept.manifestText,
      readme: kept.readme ?? undefined,
      values: kept.valuesText ?? undefined,
    };
  });
}

/** The text of one of the kept files. Throws `contents_not_found` when the archive has none, or none that is text. */
export function textOf(
  contents: VersionContents,
  name: PackageName,
  file: "README.md" | "colony.yaml" | "values.yaml",
): string {
  const texts = { "README.md": contents.readme, "colony.yaml": contents.manifest, "values.yaml": contents.values };
  const text = texts[file];
  if (text === undefined) throw failure({ code: "contents_not_found", name, version: contents.version, file });
  return text;
}
