import type { RowSource, RowTarget, SearchSource } from "../db/copy/source.ts";
import { COPIED_TABLES, type CopiedTable, SEARCH_TABLE } from "../db/copy/tables.ts";
import { vectorText } from "../search/postgres.ts";
import { termsText } from "../search/sqlite.ts";
import { indexTermsOf } from "../search/terms.ts";
import type { Report } from "./progress.ts";

/** How many rows and versions were copied. */
export interface CopiedDatabase {
  readonly rows: number;
  readonly packages: number;
  readonly versions: number;
}

/**
 * Copies every row of a registry's database into an empty one, of the same kind or the other, a
 * bounded number of rows at a time. The text index of the target is made anew. Ids stay, so what
 * refers to them from outside, such as the cursor of a feed, stays right. Throws what source and
 * target throw; then the target must be given up.
 */
export async function copyDatabase(source: RowSource, target: RowTarget, report: Report): Promise<CopiedDatabase> {
  const counts = new Map<string, number>();
  for (const table of COPIED_TABLES) counts.set(table.name, await source.count(table));
  const total = counts.values().reduce((sum, count) => sum + count, 0);
  let done = 0;
  const note = (rows: number) => {
    done += rows;
    report({ done, total: Math.max(total, done), bytes: 0 });
  };
  for (const table of COPIED_TABLES) {
    if (table.name === SEARCH_TABLE) await copySearch(table, source, target, note);
    else {
      for await (const rows of source.rows(table)) {
        await target.write(table, rows);
        note(rows.length);
      }
    }
  }
  await target.setLastIds(await source.lastIds());
  return { rows: done, packages: counts.get("packages") ?? 0, versions: counts.get("versions") ?? 0 };
}

/** Copies the search rows and makes the text index of the target from the texts of the packages. */
async function copySearch(
  table: CopiedTable,
  source: RowSource,
  target: RowTarget,
  note: (rows: number) => void,
): Promise<void> {
  const at = (name: string) => table.columns.findIndex((column) => column.name === name);
  const [packageIdAt, nameAt, downloadsAt] = [at("package_id"), at("name"), at("downloads")];
  const indexed = ({ row, description, tags, authors }: SearchSource) => {
    const [packageId, name, downloads] = [Number(row[packageIdAt]), String(row[nameAt]), Number(row[downloadsAt])];
    const texts = { tags: JSON.parse(tags), authors: JSON.parse(authors), description };
    return { packageId, name, row, terms: indexTermsOf({ packageId, name, downloads, ...texts }) };
  };
  for await (const found of source.searchRows(table)) {
    const rows = found.map(indexed);
    if (target.kind === "postgres") {
      const columns = [...table.columns, { name: "terms", kind: "terms" } as const];
      await target.write(
        { name: table.name, columns },
        rows.map(({ row, terms }) => [...row, vectorText(terms)]),
      );
    } else {
      await target.write(
        table,
        rows.map(({ row }) => row),
      );
      await target.write(
        { name: "package_terms", columns: [ROWID, { name: "body", kind: "text" }] },
        rows.map(({ packageId, terms }) => [packageId, termsText(terms)]),
      );
      await target.write(
        { name: "package_trigrams", columns: [ROWID, { name: "name", kind: "text" }] },
        rows.map(({ packageId, name }) => [packageId, name]),
      );
    }
    note(rows.length);
  }
}

/** The tables of the text index of SQLite have the id of the package as their rowid. */
const ROWID = { name: "rowid", kind: "number" } as const;
