import type { ArchiveFaultCode } from "../../src/archive/archive-fault.ts";
import { makeArchive, paxEntry, type RawEntry } from "../support/archive-maker.ts";
import { type HostileCase, MANIFEST, type Rule, SOUND, withEntries } from "./hostile-case.ts";

/* Groups 5 and 6 of the rules: which file is the manifest, and its YAML. */

const { "colony.yaml": _, ...WITHOUT_MANIFEST } = SOUND;

function inPlaceOfManifest(rule: Rule, what: string, code: ArchiveFaultCode, ...entries: RawEntry[]): HostileCase {
  const others = Object.entries(WITHOUT_MANIFEST).map(([name, content]) => ({ name, content }));
  return { rule, what, code, archive: () => makeArchive([...others, ...entries]) };
}

const PLACE_CASES: readonly HostileCase[] = [
  inPlaceOfManifest("5 one", "none", "manifest_missing"),
  {
    rule: "5 one",
    what: "a second under the same name",
    code: "manifest_duplicate",
    archive: withEntries({ name: "colony.yaml", content: "name: other\nversion: 2.0.0\n" }),
  },
  {
    rule: "5 one",
    what: "a second as ./colony.yaml",
    code: "manifest_duplicate",
    archive: withEntries({ name: "./colony.yaml", content: MANIFEST }),
  },
  {
    rule: "5 one",
    what: "a second by a PAX path",
    code: "manifest_duplicate",
    archive: withEntries(paxEntry({ path: "colony.yaml" }), { name: "innocent", content: MANIFEST }),
  },
  ...["Colony.yaml", "colony.yml", "COLONY.YML", "colony.json"].map((name) =>
    inPlaceOfManifest("5 spelled", name, "manifest_misspelled", { name, content: MANIFEST }),
  ),
  {
    rule: "5 spelled",
    what: "colony.yml beside colony.yaml",
    code: "manifest_misspelled",
    archive: withEntries({ name: "colony.yml", content: MANIFEST }),
  },
  inPlaceOfManifest("5 root", "in a folder", "manifest_missing", { name: "hostile/colony.yaml", content: MANIFEST }),
  inPlaceOfManifest("5 root", "in a folder, packed on Windows", "manifest_missing", {
    name: "templates\\colony.yaml",
    content: MANIFEST,
  }),
  inPlaceOfManifest("5 root", "a folder of that name", "manifest_missing", { name: "colony.yaml", type: "5" }),
];

const TEXTS: readonly (readonly [Rule, ArchiveFaultCode, ...string[]])[] = [
  ["6 document", "yaml_multiple_documents", `${MANIFEST}---\n${MANIFEST}`, `${MANIFEST}...\n---\nname: other\n`],
  ["6 keys", "yaml_duplicate_key", `${MANIFEST}name: other\n`, `${MANIFEST}"version": 2.0.0\n`],
  ["6 keys", "yaml_duplicate_key", `${MANIFEST}conditions: { architecture: a, architecture: b }\n`],
  ["6 keys", "yaml_merge_key", `${MANIFEST}conditions:\n  <<: a\n`],
  ["6 aliases", "yaml_alias", `${MANIFEST}description: &a text\nlicense: *a\n`, `${MANIFEST}license: *nowhere\n`],
  ["6 tags", "yaml_tag", `${MANIFEST}license: !!binary a?k=\n`, `${MANIFEST}description: !!int /etc/passwd\n`],
  ["6 depth", "yaml_too_deep", `${MANIFEST}x: ${"[".repeat(100)}${"]".repeat(100)}\n`],
  ["6 depth", "yaml_too_deep", `${MANIFEST}x: ${"{a: ".repeat(100)}b${"}".repeat(100)}\n`],
  ["6 text", "manifest_wrong_type", `${MANIFEST}description: [a]\n`, `${MANIFEST}conditions: { architecture: [a] }\n`],
  ["6 text", "manifest_version_invalid", "name: hostile\nversion: 1.10\n"],
  ["6 text", "manifest_name_invalid", "name: ../hostile\nversion: 1.0.0\n"],
];

const TEXT_CASES: readonly HostileCase[] = TEXTS.flatMap(([rule, code, ...texts]) =>
  texts.map((text) => ({
    rule,
    what: JSON.stringify(text.replace(MANIFEST, "").slice(0, 40)),
    code,
    archive: () => makeArchive({ ...SOUND, "colony.yaml": text }),
  })),
);

export const MANIFEST_CASES: readonly HostileCase[] = [...PLACE_CASES, ...TEXT_CASES];
