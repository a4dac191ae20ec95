import type { Dialect } from "../dialect.ts";
import { type PackagesTable, packageIdColumn } from "./packages.ts";

/**
 * Declares what search reads instead of packages. The text index of each database is not declared
 * here: search/text-index.ts.
 */
export function searchTables(d: Dialect, packages: PackagesTable) {
  return {
    packageSearch: packageSearchTable(d, packages),
    packageTags: packageTagsTable(d, packages),
    packageAuthors: packageAuthorsTable(d, packages),
    packageDependencies: packageDependenciesTable(d, packages),
    pendingRebuilds: pendingRebuildsTable(d),
  };
}

/** Declares the row by which search finds and ranks a listed package: see search/searchable.ts. */
function packageSearchTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_search",
    {
      packageId: packageIdColumn(d, packages),
      name: d.byteOrderedText("name").notNull(),
      /** The popularity bucket of its downloads, 0 to 7. */
      popularityBucket: d.count("tier").notNull(),
      downloads: d.count("downloads").notNull(),
      /** Words with a blank before and after each. */
      nameWords: d.text("name_words").notNull(),
      /** With a comma before and after each tag. */
      tagWords: d.text("tag_words").notNull(),
      authorWords: d.text("author_words").notNull(),
      /**
       * A digest of everything the package is found by. An update that leaves it equal writes
       * nothing.
       */
      fingerprint: d.text("fingerprint").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId] })],
  );
}

function packageTagsTable(d: Dialect, packages: PackagesTable) {
  return d.table("package_tags", { packageId: packageIdColumn(d, packages), tag: d.text("tag").notNull() }, (t) => [
    d.primaryKey({ columns: [t.packageId, t.tag] }),
    d.index("package_tags_tag_idx").on(t.tag, t.packageId),
  ]);
}

/**
 * Declares what `author=` matches: a package's owners and the maintainers its manifest names, case
 * folded.
 */
function packageAuthorsTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_authors",
    { packageId: packageIdColumn(d, packages), author: d.text("author").notNull() },
    (t) => [
      d.primaryKey({ columns: [t.packageId, t.author] }),
      d.index("package_authors_author_idx").on(t.author, t.packageId),
    ],
  );
}

/**
 * Declares the packages that a listed package depends on, by their folded names, also of packages
 * that do not exist.
 */
function packageDependenciesTable(d: Dialect, packages: PackagesTable) {
  return d.table(
    "package_dependencies",
    { packageId: packageIdColumn(d, packages), dependency: d.text("dependency").notNull() },
    (t) => [
      d.primaryKey({ columns: [t.packageId, t.dependency] }),
      d.index("package_dependencies_dependency_idx").on(t.dependency, t.packageId),
    ],
  );
}

/**
 * Declares what a migration left to be derived again from packages, and up to which package that is
 * done: packages/pending-rebuilds.ts.
 */
function pendingRebuildsTable(d: Dialect) {
  return d.table("pending_rebuilds", {
    what: d.text("what").primaryKey(),
    /** The id of the last package that is done. */
    doneId: d.count("done_id").notNull(),
  });
}
