import { VALUES_CHECK_MAX_BYTES } from "../domain/limits.ts";
import { printable } from "./archive-fault.ts";
import { type ArchiveWarning, namedPlaces } from "./archive-warning.ts";
import { checkValues } from "./values-check.ts";

/** Facts about all files of an archive. Warnings about the whole package are made of them. */
export interface ContentFacts {
  /** With `/` between segments. */
  readonly paths: readonly string[];
  readonly isPackedOnWindows: boolean;
  readonly hasReadme: boolean;
  /** The bytes of `values.yaml`, if the archive has one that is small enough. */
  readonly values: Uint8Array | undefined;
}

const VALUES = "values.yaml";
const TEMPLATES = "templates/";
/** The client parses these as templates. It compares capitals. */
const TEMPLATE_ENDS = [".json", ".yaml", ".tpl"];
const README_SPELLING = /^readme(?:[._-]?[a-z0-9]{1,12})?$/i;

/** Returns warnings about what the client would not install, or not as its publisher meant. */
export function contentWarnings(facts: ContentFacts): ArchiveWarning[] {
  return [
    ...valuesWarnings(facts),
    ...templateWarnings(facts.paths),
    ...appleDoubleWarnings(facts.paths),
    ...windowsWarnings(facts),
    ...readmeWarnings(facts),
  ];
}

function valuesWarnings({ paths, values }: ContentFacts): ArchiveWarning[] {
  if (!paths.includes(VALUES)) {
    return [{ code: "values_missing", message: "the package has no values.yaml, so it has no default values" }];
  }
  if (values === undefined || values.length > VALUES_CHECK_MAX_BYTES) return [];
  const check = checkValues(values);
  if (check.state === "empty") {
    const message = "values.yaml has no values, which the client cannot read: write {} or remove the file";
    return [{ code: "values_empty", message, path: VALUES }];
  }
  if (check.state !== "broken") return [];
  const message = `the client cannot read values.yaml, so it does not install the package: ${printable(check.reason)}`;
  return [{ code: "values_invalid", message, path: VALUES }];
}

function templateWarnings(paths: readonly string[]): ArchiveWarning[] {
  const templates = paths.filter((path) => path.startsWith(TEMPLATES));
  if (templates.length === 0) {
    return [{ code: "templates_missing", message: "the package has no files in templates/, so it installs nothing" }];
  }
  const others = templates.filter((path) => !isAppleDouble(path) && !TEMPLATE_ENDS.some((end) => path.endsWith(end)));
  const [first] = others;
  if (first === undefined) return [];
  const none = others.length === templates.length ? ", so it finds no templates and installs nothing" : "";
  const message = `${named(others)}: the client reads only ${TEMPLATE_ENDS.join(", ")} in templates/${none}`;
  return [{ code: "template_not_read", message, path: first }];
}

function appleDoubleWarnings(paths: readonly string[]): ArchiveWarning[] {
  const found = paths.filter(isAppleDouble);
  const [first] = found;
  if (first === undefined) return [];
  const harm = found.some((path) => path.startsWith(TEMPLATES)) ? " Those in templates/ break the install." : "";
  const message = `${named(found)}: AppleDouble files of macOS.${harm} Pack with COPYFILE_DISABLE=1 tar`;
  return [{ code: "appledouble_files", message, path: first }];
}

function windowsWarnings({ isPackedOnWindows }: ContentFacts): ArchiveWarning[] {
  if (!isPackedOnWindows) return [];
  const message =
    "the archive was packed on Windows, with \\ between folders: on Linux and macOS these are single file names, so `cpm install` finds no templates there. Pack it on Linux or macOS, or with tar";
  return [{ code: "backslash_names", message }];
}

function readmeWarnings({ paths, hasReadme }: ContentFacts): ArchiveWarning[] {
  if (hasReadme) return [];
  const others = paths.filter((path) => README_SPELLING.test(path));
  const [first] = others;
  if (first === undefined) return [];
  return [{ code: "readme_misnamed", message: `${named(others)} is not shown: name it README.md`, path: first }];
}

function isAppleDouble(path: string): boolean {
  return path.slice(path.lastIndexOf("/") + 1).startsWith("._");
}

function named(paths: readonly string[]): string {
  return namedPlaces(paths.map((path) => `"${printable(path)}"`));
}
