import { inArray } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { foldName, parsePackageName } from "../domain/package-name.ts";

/** A package that another one depends on, as this registry has it. */
export interface KnownPackage {
  /** As it is written here. */
  readonly name: string;
  readonly description: string;
  readonly latest: string | null;
}

/**
 * Finds those of some names that are packages of this registry, by the names as they were given.
 * Names that only fold alike are the same package, as for a publish.
 */
export async function readKnownPackages(
  { db }: Pick<Deps, "db">,
  asked: readonly string[],
): Promise<ReadonlyMap<string, KnownPackage>> {
  const folded = new Map(
    asked.flatMap((text) => {
      const name = parsePackageName(text);
      return name === undefined ? [] : [[text, foldName(name)] as const];
    }),
  );
  if (folded.size === 0) return new Map();
  const rows = await db.read(({ query, tables: { packages } }) =>
    query
      .select({
        ...{ name: packages.name, nameFolded: packages.nameFolded },
        ...{ description: packages.description, latest: packages.latest },
      })
      .from(packages)
      .where(inArray(packages.nameFolded, [...new Set(folded.values())])),
  );
  const byFolded = new Map(rows.map(({ nameFolded, ...known }) => [nameFolded, known]));
  return new Map(
    [...folded].flatMap(([text, fold]) => {
      const known = byFolded.get(fold);
      return known === undefined ? [] : [[text, known] as const];
    }),
  );
}
