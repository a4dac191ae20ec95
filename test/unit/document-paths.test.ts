import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/*
 * The paths in documents must follow when files move. Paths in code spans are looked for from the
 * root and from src/.
 */

const ROOT = join(import.meta.dir, "../..");
const PATH = /^((?:[\w.-]+\/)+[\w.-]*)$/;

const DOCUMENTS = ["CONTRIBUTING.md", "docs/architecture.md", "docs/search.md", "docs/benchmark-history.md"].concat(
  readdirSync(join(ROOT, "docs/decisions")).map((name) => `docs/decisions/${name}`),
);
const PLACES = ["src", "test", "scripts", "drizzle", "docs", ".ci"];

/**
 * The paths that a document names and that are ours: they begin with a folder of the repository or
 * with a room.
 */
function namedPaths(text: string): string[] {
  const rooms = readdirSync(join(ROOT, "src"));
  return [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = ""]) => {
    const [, path] = PATH.exec(code) ?? [];
    const [first = ""] = path?.split("/") ?? [];
    return path !== undefined && [...PLACES, ...rooms].includes(first) ? [path] : [];
  });
}

test.each(DOCUMENTS)("every path of the repository that %s names exists", (document) => {
  const missing = namedPaths(readFileSync(join(ROOT, document), "utf8")).filter(
    (path) => !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, "src", path)),
  );
  expect({ document, missing }).toEqual({ document, missing: [] });
});

describe("the table of rooms in docs/architecture.md", () => {
  const text = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const table = text.split("\n## Rooms\n")[1]?.split("\n## ")[0] ?? "";
  const named = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([\w.-]+?)\/?`/g)].map(([, name = ""]) => name),
  );

  test("has every folder and file of src/, and no other", () => {
    const there = readdirSync(join(ROOT, "src")).filter((name) => name !== "text-files.d.ts");
    expect(named.filter((name) => name !== "src").sort()).toEqual(there.sort());
  });
});

test("every decision record is in the list of docs/decisions/README.md", () => {
  const directory = join(ROOT, "docs/decisions");
  const list = readFileSync(join(directory, "README.md"), "utf8");
  const records = readdirSync(directory).filter((name) => /^\d{4}-/.test(name));
  const unlisted = records.filter((name) => !list.includes(`(${name})`));
  expect(unlisted).toEqual([]);
});
