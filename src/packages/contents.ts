import { eq } from "drizzle-orm";
import type { ArchiveFile } from "../archive/inspect.ts";
import type { Tables } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { loadReleasedVersion } from "./find-version.ts";
import { filesFrom } from "./records.ts";
import type { VersionRow } from "./views.ts";

/** The files of an archive that are stored as text. */
export type TextFileName = "README.md" | "colony.yaml" | "values.yaml";

const COLUMNS = { "README.md": "readme", "colony.yaml": "manifestText", "values.yaml": "valuesText" } as const;

/**
 * Loads one column only: the list of files of a large archive takes longer to parse than a text
 * takes to send.
 */
function readColumn<C extends keyof Tables["versionContents"]["$inferSelect"]>(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
  column: C,
) {
  return db.read(async (session) => {
    const { row } = await loadReleasedVersion(session, name, asked);
    const { versionContents } = session.tables;
    const [found] = await session.query
      .select({ value: versionContents[column] })
      .from(versionContents)
      .where(eq(versionContents.versionId, row.id));
    if (found === undefined) throw new Error("A version has no contents row");
    return { row, value: found.value };
  });
}

/**
 * Lists the files in the archive of a version. Throws `package_not_found`, `version_not_found` or
 * `quarantined`.
 */
export async function readVersionFiles(
  deps: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
): Promise<{ readonly row: VersionRow; readonly files: readonly ArchiveFile[] }> {
  const { row, value } = await readColumn(deps, name, asked, "files");
  return { row, files: filesFrom(value) };
}

/**
 * Reads one of the stored texts. Throws `package_not_found`, `version_not_found`, `quarantined`, or
 * `contents_not_found` when the archive has no such file, or one that is not text.
 */
export async function readTextFile(
  deps: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
  file: TextFileName,
): Promise<string> {
  const { row, value } = await readColumn(deps, name, asked, COLUMNS[file]);
  if (value === null) throw failure({ code: "contents_not_found", name, version: row.version, file });
  return value;
}

/** Reads the text of `values.yaml`; null for a version without one. Throws as `readTextFile` does. */
export async function readValues(deps: Pick<Deps, "db">, name: PackageName, asked: string): Promise<string | null> {
  return (await readColumn(deps, name, asked, "valuesText")).value;
}
