import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readManifest } from "../../src/archive/manifest.ts";
import type { SecretKind } from "../../src/archive/secret-patterns.ts";
import { SECRET_FORMS } from "../../src/archive/secret-patterns.ts";
import * as limits from "../../src/domain/limits.ts";
import { PACKAGE_NAME_MAX_CHARS, RESERVED_NAMES } from "../../src/domain/package-name.ts";
import { VERSION_MAX_CHARS } from "../../src/domain/version.ts";
import { blocksOf, ROOT, readDocument } from "./documents.ts";

/* docs/package-format.md is checked against the code: a new field, limit or code must be in it. */

const DOCUMENT = readDocument("docs/package-format.md");

/** Returns the text below a heading, up to the next heading. */
function below(heading: string): string {
  const [, rest = ""] = DOCUMENT.split(new RegExp(`^#{2,3} ${heading}\\n`, "m"));
  return rest.split(/^#{2,3} /m, 1)[0] ?? "";
}

/** Returns the cells of the rows of the first table below a heading, without its head. */
function tableBelow(heading: string): string[][] {
  const rows = below(heading)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const codesIn = (text: string) => [...text.matchAll(/`([a-z_0-9]+)`/g)].map(([, code = ""]) => code);

/**
 * Reads the members of the unions of texts in a file of `src/archive`: types are not there at run
 * time.
 */
function unionMembers(file: string): string[] {
  const source = readFileSync(join(ROOT, "src/archive", file), "utf8");
  return [...source.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code = ""]) => code);
}

interface Field {
  readonly field: string;
  readonly type: string;
  readonly limit: string;
}

const FIELDS = tableBelow("colony.yaml").map(
  ([name = "", type = "", limit = ""]): Field => ({ field: name.replaceAll("`", ""), type, limit }),
);
const read = (text: string) => readManifest(Buffer.from(text));
const EXAMPLE = blocksOf(DOCUMENT).find(({ language }) => language === "yaml")?.text ?? "";

/**
 * Lists the fields of a manifest with those of its maps and lists of maps: `inputs`, `inputs.key`.
 */
function fieldsOf(value: object): string[] {
  return Object.entries(value).flatMap(([field, inner]) => {
    const map: unknown = Array.isArray(inner) ? inner[0] : inner;
    const isMap = typeof map === "object" && map !== null && Object.getPrototypeOf(map) === Object.prototype;
    return [field, ...(isMap ? Object.keys(map).map((key) => `${field}.${key}`) : [])];
  });
}

/** Writes a manifest in which one field has a value. */
function manifestWith(path: string, value: string): string {
  const [field = "", inner] = path.split(".");
  if (inner === undefined)
    return (
      { name: `name: ${value}\nversion: 1.0.0\n`, version: `name: hello\nversion: ${value}\n` }[field] ??
      `name: hello\nversion: 1.0.0\n${field}: ${value}\n`
    );
  const name = field === "dependencies" && inner !== "name" ? "name: greetings, " : "";
  const map = `{${name}${inner}: ${value}}`;
  return `name: hello\nversion: 1.0.0\n${field}: ${field === "conditions" ? map : `[${map}]`}\n`;
}

/** A value of a field that is as long as its limit, in the form that its type has. */
function valueOfLength({ field, type }: Field, length: number): string {
  if (type.startsWith("list of maps")) return `[${Array(length).fill(field === "dependencies" ? "{name: a}" : "{}")}]`;
  if (type.startsWith("list of any")) return `[${Array(length).fill("a")}]`;
  if (type.startsWith("list of one-line")) return `["${"a".repeat(length)}"]`;
  if (field === "version") return `"1.0.0-${"a".repeat(length - 6)}"`;
  return `"${"a".repeat(length)}"`;
}

describe("the fields of colony.yaml in package-format.md", () => {
  test("package-format.md has exactly the fields of colony.yaml that the registry reads", () => {
    const { manifest, faults } = read(EXAMPLE);
    expect(faults).toEqual([]);
    const documented = FIELDS.map(({ field }) => field).filter((field) => field !== "keywords");
    expect(documented.sort()).toEqual(
      fieldsOf(manifest ?? {})
        .filter((field) => !/^version\./.test(field))
        .sort(),
    );
    expect(manifest?.tags).toEqual(["demo", "greeting", "example"]);
  });

  test("the example in package-format.md has a value for every field", () => {
    for (const { field } of FIELDS) expect(EXAMPLE).toMatch(new RegExp(`\\b${field.split(".").at(-1)}:`));
  });

  test.each(FIELDS.filter(({ limit }) => limit !== ""))(
    "the field $field accepts as much as package-format.md says, and no more",
    (field) => {
      const most = Number.parseInt(field.limit, 10);
      expect(read(manifestWith(field.field, valueOfLength(field, most))).faults).toEqual([]);
      expect(read(manifestWith(field.field, valueOfLength(field, most + 1))).faults).not.toEqual([]);
    },
  );

  test.each(FIELDS.filter(({ type }) => type.startsWith("one line")))(
    "the field $field refuses a line break, as package-format.md says",
    ({ field }) => {
      expect(read(manifestWith(field, '"a\\nb"')).faults).not.toEqual([]);
    },
  );

  test.each(FIELDS.filter(({ type }) => type === "text"))(
    "the field $field accepts several lines, as package-format.md says",
    ({ field }) => {
      expect(read(manifestWith(field, '"a\\nb"')).faults).toEqual([]);
    },
  );
});

test("the number of tags in package-format.md is the number that the registry accepts", () => {
  const most = Number(/at most (\d+) tags/.exec(DOCUMENT)?.[1]);
  const tags = (count: number) => `[${Array.from({ length: count }, (_, index) => `tag${index}`)}]`;
  expect(read(manifestWith("tags", tags(most))).faults).toEqual([]);
  expect(read(manifestWith("tags", tags(most + 1))).faults).not.toEqual([]);
});

/**
 * How the table of limits names each limit of the code. `undefined`: not a limit of one package.
 */
const LIMIT_ROWS: Readonly<Record<string, string | undefined>> = {
  compressedMaxBytes: "upload",
  unpackedMaxBytes: "tar inside, with headers and padding",
  entriesMax: "files and directories",
  manifestMaxBytes: "`colony.yaml`",
  COMPRESSED_HARD_MAX_BYTES: "upload",
  YAML_DEPTH_MAX: "nesting of maps and lists in `colony.yaml`",
  YAML_TOKENS_MAX: "tokens in `colony.yaml`",
  SHOWN_MANIFEST_MAX_BYTES: "shown fields of `colony.yaml`, as JSON",
  LONG_MANIFEST_BYTES: "shown fields and warnings that do not count towards the next limit",
  LONG_MANIFESTS_MAX_BYTES: "shown fields and warnings of all versions of a package",
  ENTRY_NAME_MAX_BYTES: "path of an entry, in UTF-8",
  ENTRY_DEPTH_MAX: "segments of a path",
  GZIP_HEADER_MAX_BYTES: "gzip header",
  PAX_HEADER_MAX_BYTES: "one PAX header",
  STORED_TEXT_MAX_BYTES: "`README.md` and `values.yaml` that can be read alone",
  SHOWN_FILE_MAX_BYTES: "a file that `/files/{path}` sends by itself",
  SHOWN_TEXT_MAX_BYTES: "a text that a page shows with line numbers",
  VALUES_CHECK_MAX_BYTES: "`values.yaml` that is checked for mistakes",
  TEMPLATE_SCAN_MAX_BYTES: "one template that is searched for calls",
  TEMPLATE_SCANS_MAX_BYTES: "all templates that are searched for calls",
  SECRET_CANDIDATES_MAX: "places that look like the start of a secret",
  ARCHIVE_FAULTS_MAX: "listed problems of an archive",
  SECRETS_MAX: "listed secrets of an archive",
};

/** Writes a limit as the table does: `20 MiB`, `240 bytes`, `16`. */
function limitText(name: string, value: number): string {
  if (!/bytes/i.test(name)) return String(value);
  if (value >= 1_048_576) return `${value / 1_048_576} MiB`;
  return value >= 1_024 ? `${value / 1_024} KiB` : `${value} bytes`;
}

describe("the limits in package-format.md", () => {
  const { DEFAULT_ARCHIVE_LIMITS, WIDEST_ARCHIVE_LIMITS: _, ...constants } = limits;
  const all: [string, number][] = Object.entries({ ...DEFAULT_ARCHIVE_LIMITS, ...constants });

  test.each(all)("the limit %s is in package-format.md with its value", (name, value) => {
    const row = tableBelow("Limits").find(([what]) => what === LIMIT_ROWS[name]);
    expect(row?.[1]).toMatch(new RegExp(`(?:^|\\s)${limitText(name, value)}(?:$|[ ,;])`));
  });

  test("package-format.md has no limit that the code does not have", () => {
    const documented = tableBelow("Limits").map(([what]) => what);
    expect(documented.sort()).toEqual([...new Set(Object.values(LIMIT_ROWS))].sort());
  });
});

describe("the rules in package-format.md", () => {
  test("package-format.md has the greatest lengths of names and versions", () => {
    expect(below("Names")).toContain(`1 to ${PACKAGE_NAME_MAX_CHARS} characters`);
    expect(below("Versions")).toContain(`at most ${VERSION_MAX_CHARS} characters`);
  });

  test("package-format.md lists every reserved name", () => {
    const [, reserved = ""] = /Reserved: ([\s\S]*?)\.\n/.exec(below("Names")) ?? [];
    expect([...reserved.matchAll(/`([\w-]+)`/g)].map(([, name]) => name).sort()).toEqual([...RESERVED_NAMES].sort());
  });

  test("package-format.md lists every warning", () => {
    const documented = tableBelow("Warnings").flatMap(([code = ""]) => codesIn(code));
    expect(documented.sort()).toEqual(unionMembers("archive-warning.ts").sort());
  });

  test("package-format.md lists every problem of an archive", () => {
    const documented = tableBelow("Problems").flatMap(([codes = ""]) => codesIn(codes));
    expect(documented.sort()).toEqual(unionMembers("archive-fault.ts").sort());
  });

  test("package-format.md names the issuer of every kind of secret", () => {
    const issuers: Readonly<Record<SecretKind, string>> = {
      private_key: "private\nkeys",
      api_token: "this registry",
      aws_access_key: "AWS",
      azure_storage_key: "Azure Storage",
      digitalocean_token: "DigitalOcean",
      github_token: "GitHub",
      gitlab_token: "GitLab",
      google_api_key: "Google",
      npm_token: "npm",
      slack_token: "Slack",
      stripe_key: "Stripe",
    };
    for (const { kind } of SECRET_FORMS) expect(below("Secrets")).toContain(issuers[kind]);
  });
});
