import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Manifest, readManifest } from "../../src/archive/manifest.ts";
import { checkValues } from "../../src/archive/values-check.ts";
import { isVersionRange } from "../../src/domain/version-range.ts";
import { bytesOf } from "../support/archive-maker.ts";
import { randomFrom } from "../support/random.ts";
import { type GoValue, openYamlClient, type YamlAnswer } from "./oracle/yaml-client.ts";
import { madeRange, madeYaml, mutatedYaml } from "./oracle/yaml-mutations.ts";
import { YAML_SAMPLES } from "./oracle/yaml-samples.ts";

/*
 * Compares the registry's reading of manifests, values.yaml and ranges of versions with the
 * libraries of the client (gopkg.in/yaml.v3 3.0.1, Masterminds/semver 3.3.0), on mutations of real
 * manifests:
 *
 *     FUZZ_SEED=123 YAML_RUNS=1 npm test -- test/fuzz/yaml.test.ts
 *
 * Run i depends on seed + i alone, so a printed seed repeats its run on a machine with the same
 * packages.
 */

const RUNS = Number(process.env.YAML_RUNS ?? (process.env.TEST_LONG === "1" ? 200_000 : 6_000));
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const CHUNK = 5_000;
/** With fewer manifests that both read, there are no values to compare. */
const READ_MIN_SHARE = 0.1;
const FIXTURES = join(import.meta.dir, "../../../shared/fixtures");
/** The registry's own rules, which refuse manifests that the client would read. */
const OWN_RULES = new Set([
  "manifest_name_invalid",
  "manifest_version_invalid",
  "manifest_field_missing",
  "manifest_field_too_long",
  "manifest_field_invalid",
  "yaml_alias",
  "yaml_multiple_documents",
  "yaml_too_deep",
  "yaml_too_complex",
]);

const scratch = mkdtempSync(join(tmpdir(), "yaml-client-"));
const client = await openYamlClient(scratch);
if (typeof client === "string") {
  console.warn(`Skipped: ${client}, so readings are not compared with it`);
}
const ask = typeof client === "string" ? async () => [] : client.ask;
const samples = [...YAML_SAMPLES, ...realManifests()];

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function realManifests(): string[] {
  if (!existsSync(FIXTURES)) return [];
  const paths = readdirSync(FIXTURES).map((name) => join(FIXTURES, name, "colony.yaml"));
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8"));
}

function documentOf(seed: number): string {
  const random = randomFrom(seed);
  if (random(5) === 0) return madeYaml(random);
  const [text = "", other = ""] = [samples[random(samples.length)], samples[random(samples.length)]];
  return mutatedYaml(text, other, random);
}

const isOwnRule = (text: string) => {
  const { faults } = readManifest(bytesOf(text));
  return faults.every(({ code, path, message }) => {
    if (OWN_RULES.has(code)) return true;
    // NUL, which an escape makes, cannot be stored. A text in base64 need not be UTF-8 for the
    // client.
    if (path !== "" && code === "yaml_control_character") return true;
    if (code === "yaml_not_utf8") return message.includes("base64");
    // The client reads neither behind its document nor an empty one.
    if (code === "yaml_control_character") return message.includes("{feff}") || /^(?:\.\.\.|---)/m.test(text);
    return code === "manifest_wrong_type" && path === "";
  });
};

/** Describes how the registry reads a document other than the client, if it does. */
function differenceOf(text: string, answer: YamlAnswer): string | undefined {
  const { manifest, faults } = readManifest(bytesOf(text));
  const reasons = faults.map(({ path, code, message }) => `${path} ${code} ${message}`).join("; ");
  if (manifest === undefined) {
    return answer.error === undefined && !isOwnRule(text) ? `only the client reads it: ${reasons}` : undefined;
  }
  const error = answer.clientError ?? answer.error;
  if (error !== undefined) return `only the registry reads it: ${error}`;
  const [ours, theirs] = [shownFields(manifest), clientFields(answer.manifest ?? {})];
  return isEqual(ours, theirs) ? undefined : `${JSON.stringify(ours)} is for the client ${JSON.stringify(theirs)}`;
}

function shownFields(manifest: Manifest): GoValue {
  const { name, version, apiVersion, description, maintainers, dependencies, conditions, inputs, license } = manifest;
  return {
    name,
    version: version.text,
    apiVersion: apiVersion ?? "",
    description: description ?? "",
    maintainers: maintainers.map((person) => ({ name: person.name ?? "", email: person.email ?? "" })),
    dependencies: dependencies.map((other) => ({ name: other.name, version: other.version ?? "" })),
    conditions: {
      colonyOSVersion: conditions.colonyOSVersion ?? "",
      architecture: conditions.architecture ?? "",
    },
    inputs: inputs.map(({ key = "", label = "", type = "", description: text = "", required, default: preset }) => {
      return { key, label, type, description: text, required, default: asGoValue(preset ?? null) };
    }),
    license: license ?? "",
  };
}

function asGoValue(value: unknown): GoValue {
  return JSON.parse(JSON.stringify(value));
}

/** A line break behind a text of one line is not shown. */
function clientFields(fields: { readonly [field: string]: GoValue }): GoValue {
  const isMap = (value: GoValue): value is { [field: string]: GoValue } =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const line = (value: GoValue) => (typeof value === "string" ? value.replace(/\n+$/, "") : value);
  const lines = (value: GoValue, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, isMap(value) ? line(value[name] ?? "") : ""]));
  const list = (value: GoValue | undefined) => (Array.isArray(value) ? value : []);
  return {
    name: fields.name ?? "",
    version: fields.version ?? "",
    apiVersion: line(fields.apiVersion ?? ""),
    description: fields.description ?? "",
    maintainers: list(fields.maintainers).map((person) => lines(person, ["name", "email"])),
    dependencies: list(fields.dependencies).map((other) => lines(other, ["name", "version"])),
    conditions: lines(fields.conditions ?? null, ["colonyOSVersion", "architecture"]),
    inputs: list(fields.inputs).map((input) =>
      isMap(input) ? { ...input, ...lines(input, ["key", "label", "type"]) } : input,
    ),
    license: line(fields.license ?? ""),
  };
}

/** What JSON cannot have is any text or map here. */
function isEqual(ours: GoValue, theirs: GoValue): boolean {
  if (typeof theirs !== "object" || theirs === null) return ours === theirs;
  if (!Array.isArray(theirs) && "$" in theirs) return (typeof ours === "object") === (theirs.$ === "map");
  if (typeof ours !== "object" || ours === null || Array.isArray(ours) !== Array.isArray(theirs)) return false;
  const [left, right] = [new Map(Object.entries(ours)), new Map(Object.entries(theirs))];
  return left.size === right.size && [...left].every(([field, value]) => isEqual(value, right.get(field) ?? null));
}

function valuesDifference(text: string, { values = "" }: YamlAnswer): string | undefined {
  const check = checkValues(bytesOf(text));
  if (check.state === "unknown" || values.includes("excessive aliasing")) return undefined;
  const theirs = values === "ok" || values === "empty" ? values : "broken";
  const isBeyond = check.state === "broken" && /^(?:\.\.\.|---)/m.test(text);
  if (check.state === theirs || isBeyond || text.includes("\ufeff")) return undefined;
  return `values are ${check.state} (${"reason" in check ? check.reason : ""}), for the client ${values}`;
}

describe.skipIf(typeof client === "string")("the client's libraries", () => {
  test(
    `read ${RUNS} mutated manifests as the registry does`,
    async () => {
      const failures: string[] = [];
      let read = 0;
      for (let from = 0; from < RUNS && failures.length < 20; from += CHUNK) {
        const seeds = Array.from({ length: Math.min(CHUNK, RUNS - from) }, (_, at) => FIRST_SEED + from + at);
        const texts = seeds.map(documentOf);
        const answers = await ask(texts.map((text) => ({ document: Buffer.from(text).toString("base64") })));
        for (const [at, answer] of answers.entries()) {
          const text = texts[at] ?? "";
          if (answer.error === undefined) read += 1;
          for (const difference of [differenceOf(text, answer), valuesDifference(text, answer)]) {
            if (difference !== undefined)
              failures.push(`FUZZ_SEED=${seeds[at]} ${JSON.stringify(text)}: ${difference}`);
          }
        }
      }
      console.log(
        `${RUNS} mutations of ${samples.length} manifests, FUZZ_SEED=${FIRST_SEED}: ${read} read by the client`,
      );
      expect(failures.slice(0, 10)).toEqual([]);
      if (RUNS >= 100) expect(read).toBeGreaterThan(RUNS * READ_MIN_SHARE);
    },
    RUNS * 5 + 60_000,
  );

  test("parse the same ranges of versions", async () => {
    const ranges = Array.from({ length: Math.ceil(RUNS / 2) }, (_, at) => madeRange(randomFrom(FIRST_SEED + at)));
    const answers = await ask(ranges.map((range) => ({ range })));
    const parsed = answers.map(({ error }, at) => ({ range: ranges[at], isRange: error === undefined }));
    const others = parsed.filter(({ range = "", isRange }) => isVersionRange(range) !== isRange);
    expect(others.slice(0, 10)).toEqual([]);
    if (RUNS >= 100) expect(parsed.filter(({ isRange }) => isRange).length).toBeGreaterThan(RUNS / 50);
  });
});
