import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Inspection, inspectArchive } from "../../src/archive/inspect.ts";
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import {
  bytesOf,
  chunked,
  concat,
  goStyleArchive,
  makeArchive,
  makePackage,
  paxEntry,
  type RawEntry,
} from "../support/archive-maker.ts";

const MANIFEST = "name: my-package\nversion: 1.0.0\n";
const SOUND = { "colony.yaml": MANIFEST, "values.yaml": "a: 1\n", "templates/a.json": "{}" };
const FIXTURES = join(import.meta.dir, "../../../shared/fixtures");

function inspect(archive: Uint8Array, limits: Partial<ArchiveLimits> = {}, chunkBytes = 65_536): Promise<Inspection> {
  return inspectArchive(chunked(archive, chunkBytes), { ...DEFAULT_ARCHIVE_LIMITS, ...limits });
}

async function faultsOf(archive: Uint8Array, limits: Partial<ArchiveLimits> = {}) {
  try {
    await inspect(archive, limits);
  } catch (error) {
    if (error instanceof Failure && error.error.code === "archive_rejected") return error.error.faults;
    throw error;
  }
  return [];
}

async function codesOf(archive: Uint8Array, limits: Partial<ArchiveLimits> = {}) {
  return (await faultsOf(archive, limits)).map((fault) => fault.code);
}

type Files = Readonly<Record<string, string | Uint8Array>>;

async function allWarningsOf(files: Files): Promise<Inspection["warnings"]> {
  return (await inspect(makeArchive(files))).warnings;
}

async function warningsOf(files: Files, chunkBytes?: number): Promise<string[]> {
  return (await inspect(makeArchive(files), {}, chunkBytes)).warnings.map((warning) => warning.code);
}

function withEntries(...entries: RawEntry[]): Uint8Array {
  return makeArchive([...Object.entries(SOUND).map(([name, content]) => ({ name, content })), ...entries]);
}

describe("inspectArchive accepts", () => {
  test("the archive that a client makes, and returns its contents", async () => {
    const archive = makePackage({
      name: "my-package",
      version: "1.2.0",
      description: "Text",
      tags: ["a"],
      readme: "# Hi\n",
    });
    const inspection = await inspect(archive);
    expect(inspection).toMatchObject({
      manifest: { name: "my-package", version: { text: "1.2.0" }, description: "Text", tags: ["a"] },
      readme: "# Hi\n",
      values: "name: test\n",
      warnings: [],
    });
    expect(inspection.manifestText).toStartWith("apiVersion: v1\n");
    expect(inspection.files.map((file) => file.path)).toEqual([
      "README.md",
      "colony.yaml",
      "templates/workflow.json",
      "values.yaml",
    ]);
    expect(inspection.files[0]).toEqual({
      path: "README.md",
      size: 5,
      sha256: createHash("sha256").update("# Hi\n").digest("hex"),
    });
  });

  test("the same bytes with the same result, however they are cut into chunks", async () => {
    const archive = makePackage({ name: "my-package", version: "1.0.0" });
    const whole = await inspect(archive);
    for (const size of [1, 13, 512]) expect(await inspect(archive, {}, size)).toEqual(whole);
  });

  test("names packed on Windows, with one warning and as readers create them", async () => {
    const inspection = await inspect(
      makeArchive({ "colony.yaml": MANIFEST, "values.yaml": "a: 1\n", "templates\\b\\c.json": "{}" }),
    );
    expect(inspection.files.map((file) => file.path)).toContain("templates\\b\\c.json");
    expect(inspection.warnings.map((warning) => warning.code)).toEqual(["backslash_names"]);
    expect(inspection.warnings[0]?.message).toMatch(/Windows.*Linux.*`cpm install` finds no templates/);
  });

  test("a leading ./ on every name", async () => {
    const files = Object.fromEntries(Object.entries(SOUND).map(([name, content]) => [`./${name}`, content]));
    expect((await inspect(makeArchive(files))).manifest.name).toBe("my-package" as Inspection["manifest"]["name"]);
  });

  test("a README in other capitals", async () => {
    expect((await inspect(makeArchive({ ...SOUND, "Readme.MD": "hi" }))).readme).toBe("hi");
    expect((await inspect(makeArchive({ ...SOUND, "docs/README.md": "hi" }))).readme).toBeUndefined();
  });
});

describe("inspectArchive warns", () => {
  test("about missing values and templates", async () => {
    expect(await warningsOf({ "colony.yaml": MANIFEST })).toEqual(["values_missing", "templates_missing"]);
  });

  test("about texts that it does not store, and accepts the package", async () => {
    const big = "x".repeat(1_048_577);
    const inspection = await inspect(
      makeArchive({ ...SOUND, "README.md": big, "values.yaml": new Uint8Array([0xff]) }),
    );
    expect(inspection).toMatchObject({ readme: undefined, values: undefined });
    expect(inspection.warnings.map((warning) => warning.code).sort()).toEqual([
      "text_not_utf8",
      "text_too_large",
      "values_invalid",
    ]);
  });

  const NOTHING: Readonly<Record<string, string>> = {
    "colony.yaml": SOUND["colony.yaml"],
    "values.yaml": "a: 1\n",
    "templates/a.json": "{}",
    "README.md": "# Sound\n",
  };
  const manifest = (lines: string) => ({ "colony.yaml": `${SOUND["colony.yaml"]}${lines}` });

  test("about nothing that installs as it should", async () => {
    const good = manifest(
      'description: "👩\u200d🚀 می\u200cخواهم"\ndependencies: [{name: a, version: ">=1.2 <2 || ^3"}]\nhomepage: https://a.b\n',
    );
    const values = { "values.yaml": "base: &b {x: 1}\na:\n  <<: *b\n---\n[" };
    for (const files of [
      {},
      good,
      values,
      { "values.yaml": "{}" },
      { "templates/b.yaml": "", "templates/c.tpl": "" },
    ]) {
      expect(await allWarningsOf({ ...NOTHING, ...files })).toEqual([]);
    }
  });

  test.each<[string, Record<string, string>, string]>([
    ["values_empty", { "values.yaml": "" }, "values.yaml"],
    ["values_empty", { "values.yaml": "# nothing\n" }, "values.yaml"],
    ["values_empty", { "values.yaml": "~\n" }, "values.yaml"],
    ["values_invalid", { "values.yaml": "a: [1\n" }, "values.yaml"],
    ["values_invalid", { "values.yaml": "- a\n" }, "values.yaml"],
    ["values_invalid", { "values.yaml": "a: 1\na: 2\n" }, "values.yaml"],
    ["values_invalid", { "values.yaml": "a: *b\n" }, "values.yaml"],
    ["values_invalid", { "values.yaml": "a: 1\n\t# tab\n" }, "values.yaml"],
    ["template_not_read", { "templates/a.yml": "a", "templates/b/c.JSON": "a" }, "templates/a.yml"],
    ["appledouble_files", { "templates/._a.json": "a" }, "templates/._a.json"],
    ["appledouble_files", { "._README.md": "a" }, "._README.md"],
    ["invisible_characters", { "README.md": "a\u202eb" }, "README.md"],
    ["invisible_characters", { "values.yaml": "a: x\u200by\n" }, "values.yaml"],
    ["invisible_characters", manifest('description: "a\\u2066b"\n'), "colony.yaml"],
    ["inputs_under_spec", manifest("spec: {inputs: [{key: a}]}\n"), "colony.yaml#/spec/inputs"],
    ["link_not_http", manifest('homepage: "javascript:alert(1)"\n'), "colony.yaml#/homepage"],
    [
      "dependency_range_invalid",
      manifest("dependencies: [{name: a, version: 1.x}, {name: b, version: latest}]\n"),
      "colony.yaml#/dependencies/1/version",
    ],
  ])("once, with %s and the place", async (code, files, path) => {
    const warnings = await allWarningsOf({ ...NOTHING, ...files });
    expect(warnings.map((warning) => [warning.code, warning.path])).toEqual([[code, path]]);
  });

  test.each(["README", "readme.txt", "ReadMe.markdown", "README.rst", "README_en"])(
    "about a README that is spelled %s",
    async (name) => {
      const { "README.md": _, ...others } = NOTHING;
      expect(await allWarningsOf({ ...others, [name]: "a" })).toMatchObject([{ code: "readme_misnamed", path: name }]);
      expect(await allWarningsOf({ ...NOTHING, [name]: "a" })).toEqual([]);
    },
  );

  test("about templates that are none, and says that nothing is installed", async () => {
    const { "templates/a.json": _, ...others } = NOTHING;
    const [warning] = await allWarningsOf({ ...others, "templates/a.txt": "a" });
    expect(warning).toMatchObject({ code: "template_not_read", message: expect.stringContaining("installs nothing") });
    expect(await allWarningsOf(others)).toMatchObject([{ code: "templates_missing" }]);
  });

  test("at most fifty times about single files", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 80 }, (_, index) => [`templates/${index}.json`, "{{ env }}"]),
    );
    const warnings = await warningsOf({ ...SOUND, ...files });
    expect(warnings).toHaveLength(51);
    expect(warnings.at(-1)).toBe("more_warnings");
  });
});

describe("inspectArchive rejects", () => {
  test("an empty upload, and bytes that are not gzip", async () => {
    expect(await codesOf(new Uint8Array(0))).toEqual(["archive_empty"]);
    expect(await codesOf(bytesOf("PK\x03\x04"))).toEqual(["not_gzip"]);
  });

  test("a second gzip member with another manifest", async () => {
    const archive = concat([makeArchive(SOUND), makeArchive({ "colony.yaml": "name: other\nversion: 9.9.9\n" })]);
    expect(await codesOf(archive)).toEqual(["gzip_trailing_data"]);
  });

  test("more bytes than its limits allow", async () => {
    const archive = makeArchive({ ...SOUND, big: new Uint8Array(1_000_000) });
    expect(await codesOf(archive, { compressedMaxBytes: archive.length })).toEqual([]);
    expect(await codesOf(archive, { compressedMaxBytes: archive.length - 1 })).toEqual(["archive_too_large"]);
    expect(await codesOf(archive, { unpackedMaxBytes: 900_000 })).toEqual(["unpacked_too_large"]);
  });

  test("more entries than its limit allows", async () => {
    expect(await codesOf(makeArchive(SOUND), { entriesMax: 3 })).toEqual([]);
    expect(await codesOf(makeArchive(SOUND), { entriesMax: 2 })).toEqual(["too_many_entries"]);
  });

  test("links, with the name and what to do", async () => {
    const [fault] = await faultsOf(withEntries({ name: "link", type: "2", linkName: "/etc/passwd" }));
    expect(fault).toMatchObject({ path: "link", code: "entry_type_forbidden" });
    expect(fault?.message).toContain("symbolic link");
  });

  test("every bad name, in one answer", async () => {
    const archive = withEntries(
      { name: "../x" },
      { name: "/y" },
      { name: "nul" },
      { name: "VALUES.yaml" },
      { name: "values.yaml/z" },
    );
    expect(await codesOf(archive)).toEqual([
      "name_traversal",
      "name_absolute",
      "name_windows_device",
      "name_case_conflict",
      "name_file_and_directory",
    ]);
  });

  test("two . directories", async () => {
    expect(await codesOf(withEntries({ name: ".", type: "5" }, { name: "./", type: "5" }))).toEqual(["name_duplicate"]);
  });

  test("two spellings of one name", async () => {
    expect(await codesOf(withEntries({ name: "templates\\a.json" }))).toEqual(["name_duplicate"]);
  });

  test("a missing manifest, and names the place where it found one", async () => {
    expect(await codesOf(makeArchive({ "values.yaml": "" }))).toEqual(["manifest_missing"]);
    const [fault] = await faultsOf(makeArchive({ "pkg/colony.yaml": MANIFEST }));
    expect(fault?.message).toContain("pkg/colony.yaml");
    expect(await codesOf(makeArchive([{ name: "colony.yaml", type: "5" }]))).toEqual(["manifest_missing"]);
  });

  test.each(["Colony.yaml", "colony.yml", "COLONY.YML", "colony.json"])("a manifest spelled %s", async (name) => {
    expect(await codesOf(makeArchive({ ...SOUND, "colony.yaml": "", [name]: MANIFEST }))).toContain(
      "manifest_misspelled",
    );
    expect(await codesOf(makeArchive({ [name]: MANIFEST }))).toEqual(["manifest_misspelled"]);
  });

  test("a second manifest under the same name", async () => {
    expect(await codesOf(withEntries({ name: "./colony.yaml", content: "name: b\nversion: 2.0.0\n" }))).toEqual([
      "manifest_duplicate",
    ]);
  });

  test("a manifest above its limit, without reading it", async () => {
    expect(await codesOf(makeArchive(SOUND), { manifestMaxBytes: MANIFEST.length })).toEqual([]);
    expect(await codesOf(makeArchive(SOUND), { manifestMaxBytes: MANIFEST.length - 1 })).toEqual([
      "manifest_too_large",
    ]);
  });

  test("faults of the manifest together with those of the archive", async () => {
    const faults = await faultsOf(goStyleArchive({ "colony.yaml": "name: A\nversion: 1\ntags: x\n", "a?": "" }));
    expect(faults.map((fault) => `${fault.path} ${fault.code}`)).toEqual([
      "a? name_forbidden_character",
      "colony.yaml#/name manifest_name_invalid",
      "colony.yaml#/version manifest_version_invalid",
      "colony.yaml#/tags manifest_wrong_type",
    ]);
    expect(await codesOf(makeArchive({ "colony.yaml": "a: *b\n" }))).toEqual(["yaml_alias"]);
  });

  test("hostile keys and names in the manifest, escaped in the message", async () => {
    const key = '"a\\u001b": 1\n"a\\u001b": 2\n';
    const faults = await faultsOf(makeArchive({ ...SOUND, "colony.yaml": `${MANIFEST}${key}` }));
    expect(faults.map((fault) => fault.path)).toEqual(["colony.yaml#/a\\u{1b}"]);
  });

  test("a truncated archive with the faults before its end, without calling the rest missing", async () => {
    const archive = makeArchive({ "a?": "" }, { end: new Uint8Array(0) });
    expect(await codesOf(archive)).toEqual(["name_forbidden_character", "tar_truncated"]);
  });

  test("entries with the same problem in one fault, with a count and the first names", async () => {
    const bad = Array.from({ length: 5_000 }, (_, index) => ({ name: `${index}?` }));
    const links = [1, 2].map((index) => ({ name: `l${index}`, type: "2", linkName: "x" }));
    const faults = await faultsOf(withEntries(...bad, ...links));
    expect(faults.map(({ path, code }) => `${path} ${code}`)).toEqual([
      "0? name_forbidden_character",
      "l1 entry_type_forbidden",
    ]);
    expect(faults[0]?.message).toEndWith(' (and 4999 more: "1?", "2?", "3?", "4?", "5?", …)');
    expect(faults[1]?.message).toBe(
      'entry "l1" is a symbolic link: pack the file that it points to, with tar -h (--dereference) (and 1 more: "l2")',
    );
  });

  test("with at most a hundred kinds of faults and a count", async () => {
    const keys = Array.from({ length: 150 }, (_, index) => [paxEntry({ [`X${index}`]: "" }), { name: `${index}` }]);
    const faults = await faultsOf(withEntries(...keys.flat()));
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toMatchObject({ code: "more_faults" });
    expect(faults.at(-1)?.message).toContain("50");
  });

  test("a manifest whose name has a \\, because readers on Linux do not create colony.yaml", async () => {
    expect(await codesOf(makeArchive({ ".\\colony.yaml": MANIFEST }))).toEqual(["manifest_misspelled"]);
    expect(await codesOf(makeArchive({ "pkg\\colony.yaml": MANIFEST }))).toEqual(["manifest_missing"]);
  });
});

test("inspecting 128 MiB uses a bounded amount of memory", async () => {
  const big = makeArchive({ ...SOUND, "templates/big": new Uint8Array(120 * 1024 * 1024) }, { level: 1 });
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  let peak = before;
  let chunks = 0;
  async function* watched() {
    for await (const chunk of chunked(big, 1_024)) {
      chunks += 1;
      // Collect often, so that the measurement shows what is held and not what waits for the
      // collector.
      if (chunks % 20 === 0) Bun.gc(true);
      peak = Math.max(peak, process.memoryUsage().rss);
      yield chunk;
    }
  }
  await inspectArchive(watched(), DEFAULT_ARCHIVE_LIMITS);
  expect(chunks).toBeGreaterThan(400);
  expect(peak - before).toBeLessThan(64 * 1024 * 1024);
});

describe("the real packages", () => {
  const present = existsSync(FIXTURES);
  if (!present) console.log("skipped: ../shared/fixtures is not on this machine");

  test.skipIf(!present)(
    "test-pkg-v2-0.1.0.cpm, packed on Windows, is accepted with the backslash warning",
    async () => {
      const inspection = await inspect(new Uint8Array(readFileSync(join(FIXTURES, "test-pkg-v2-0.1.0.cpm"))));
      expect(inspection).toMatchObject({
        manifest: { name: "test-pkg-v2", version: { text: "0.1.0" } },
      });
      expect(inspection.files.reduce((sum, file) => sum + file.size, 0)).toBe(365);
      expect(inspection.warnings.map((warning) => warning.code)).toEqual(["backslash_names"]);
    },
  );

  test.skipIf(!present).each([
    ["complex-pkg", []],
    ["test-pkg-v2", []],
    ["test-verify-pkg", ["templates_missing"]],
  ])("%s is accepted", async (folder, warnings) => {
    const inspection = await inspect(goStyleArchive(filesIn(join(FIXTURES, folder))));
    expect(inspection.warnings.map((warning) => warning.code)).toEqual(warnings as never[]);
  });

  test.skipIf(!present)("test-debug-pkg has no manifest and is rejected", async () => {
    expect(await codesOf(goStyleArchive(filesIn(join(FIXTURES, "test-debug-pkg"))))).toEqual(["manifest_missing"]);
  });
});

function filesIn(folder: string): Record<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), new Uint8Array(readFileSync(path))]));
}
