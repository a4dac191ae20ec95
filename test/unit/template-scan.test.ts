import { describe, expect, test } from "bun:test";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { TemplateScan } from "../../src/archive/template-scan.ts";
import { DEFAULT_ARCHIVE_LIMITS, TEMPLATE_SCAN_MAX_BYTES, TEMPLATE_SCANS_MAX_BYTES } from "../../src/domain/limits.ts";
import { bytesOf, chunked, makeArchive } from "../support/archive-maker.ts";

function foundIn(template: string, chunkBytes = 65_536): readonly string[] {
  const scan = new TemplateScan(TEMPLATE_SCAN_MAX_BYTES);
  const bytes = bytesOf(template);
  for (let at = 0; at < bytes.length; at += chunkBytes) scan.push(bytes.subarray(at, at + chunkBytes));
  return scan.found;
}

async function warningsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  const sound = { "colony.yaml": "name: a\nversion: 1.0.0\n", "values.yaml": "a: 1\n", "templates/a.tpl": "" };
  const { warnings } = await inspectArchive(chunked(makeArchive({ ...sound, ...files })), DEFAULT_ARCHIVE_LIMITS);
  return warnings.map((warning) => warning.code);
}

describe("TemplateScan", () => {
  test.each([
    '{{ env "HOME" }}',
    '{{env "HOME"}}',
    '{{- "HOME" | env -}}',
    '{{ if (expandenv "$HOME") }}x{{ end }}',
    '{{ getHostByName "x" }}',
    '{{ "a\\"}}" | env }}',
    "{{ `}}` | env }}",
    "{{/* env */}}{{ env }}",
    "{{{ env }}}",
    '{{ "open\n env "x" }}',
  ])("finds the call in %j, however it is cut", (template) => {
    for (const size of [1, 2, 5, 65_536]) expect(foundIn(template, size)).toHaveLength(1);
  });

  test.each([
    "env",
    "{ env }",
    "{{ .Values.env }}",
    "{{ $env }}",
    "{{ environment }}",
    "{{ my_env }}",
    "{{ envä }}",
    '{{ "env" }}',
    "{{ `env` }}",
    "{{ 'e' }} env {{ x }}",
    "{{/* env */}}",
    "{{ .Values.x }} env }}",
  ])("finds no call in %j", (template) => {
    for (const size of [1, 2, 5, 65_536]) expect(foundIn(template, size)).toEqual([]);
  });

  test("names each function once", () => {
    expect(foundIn("{{ env }}{{ env }}{{ getHostByName }}{{ expandenv }}")).toEqual([
      "env",
      "getHostByName",
      "expandenv",
    ]);
  });
});

test("a template that reads the machine is a warning; other files that do are not", async () => {
  expect(await warningsOf({ "templates/deep/t.tpl": '{{ env "HOME" }}' })).toEqual(["template_reads_environment"]);
  expect(await warningsOf({ "docs/t": '{{ env "HOME" }}' })).toEqual([]);
});

test("a template is scanned up to the limit, and a longer one has a warning", async () => {
  const call = "{{ env }}";
  const upTo = (bytes: number) => " ".repeat(bytes - call.length) + call;
  expect(await warningsOf({ "templates/t.tpl": upTo(TEMPLATE_SCAN_MAX_BYTES) })).toEqual([
    "template_reads_environment",
  ]);
  expect(await warningsOf({ "templates/t.tpl": `${call}${upTo(TEMPLATE_SCAN_MAX_BYTES)}` })).toEqual([
    "template_reads_environment",
    "template_not_scanned",
  ]);
  expect(await warningsOf({ "templates/t.tpl": `${" ".repeat(TEMPLATE_SCAN_MAX_BYTES)}${call}` })).toEqual([
    "template_not_scanned",
  ]);
  for (const size of [1_000, 65_536]) expect(foundIn(" ".repeat(TEMPLATE_SCAN_MAX_BYTES) + call, size)).toEqual([]);
});

test("many templates are scanned up to their common limit, and the rest have warnings", async () => {
  const count = TEMPLATE_SCANS_MAX_BYTES / TEMPLATE_SCAN_MAX_BYTES;
  const full = Array.from(
    { length: count },
    (_, n) => [`templates/${n}.json`, " ".repeat(TEMPLATE_SCAN_MAX_BYTES)] as const,
  );
  expect(await warningsOf(Object.fromEntries(full))).toEqual([]);
  const more = { ...Object.fromEntries(full), "templates/last.yaml": "{{ env }}" };
  expect(await warningsOf(more)).toEqual(["template_not_scanned"]);
});
