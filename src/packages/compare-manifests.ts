import type { ManifestInput } from "../archive/manifest.ts";
import { type Change, changesOf } from "./compare-values.ts";
import type { ManifestRecord } from "./records.ts";

/** What changed in the manifest, by its parts. */
export interface ManifestChanges {
  readonly fields: readonly Change[];
  readonly dependencies: readonly Change[];
  readonly inputs: readonly Change[];
}

/** Makes a map of the texts that are there. */
function textsOf(entries: readonly (readonly [string, string | undefined])[]): ReadonlyMap<string, string> {
  return new Map(entries.flatMap(([what, text]) => (text ? [[what, text] as const] : [])));
}

function fieldsOf({ description, license, homepage, repository, conditions, tags, maintainers }: ManifestRecord) {
  const people = maintainers.map(({ name, email, url }) => [name, email, url].filter(Boolean).join(" "));
  return textsOf([
    ["description", description],
    ["license", license],
    ["homepage", homepage],
    ["repository", repository],
    ["ColonyOS version", conditions.colonyOSVersion],
    ["architecture", conditions.architecture],
    ["tags", tags.join(", ")],
    ["maintainers", people.join(", ")],
  ]);
}

function dependenciesOf({ dependencies }: ManifestRecord) {
  return new Map(dependencies.map(({ name, version }) => [name, version || "any version"]));
}

function inputTexts({ label, type, required, default: preset, options, description }: ManifestInput) {
  return textsOf([
    ["type", type],
    ["required", required ? "yes" : "no"],
    ["default", preset === undefined ? undefined : JSON.stringify(preset)],
    ["options", options.length === 0 ? undefined : options.map((option) => JSON.stringify(option)).join(", ")],
    ["label", label],
    ["description", description],
  ]);
}

/** An input that came or went is one change; one that stayed has a change for each of its fields. */
function inputChanges(from: readonly ManifestInput[], to: readonly ManifestInput[]): Change[] {
  const [before, after] = [from, to].map(
    (inputs) => new Map(inputs.map((input) => [input.key ?? "", inputTexts(input)])),
  );
  const outlines = (inputs: typeof before) =>
    new Map(
      [...(inputs ?? [])].map(([key, texts]) => [key, [...texts].map(([what, text]) => `${what} ${text}`).join(", ")]),
    );
  return changesOf(outlines(before), outlines(after)).flatMap((change) => {
    const [old, now] = [before?.get(change.what), after?.get(change.what)];
    if (old === undefined || now === undefined) return [change];
    return changesOf(old, now).map((field) => ({ ...field, what: `${change.what}: ${field.what}` }));
  });
}

/** Compares two manifests by what they mean. */
export function compareManifests(from: ManifestRecord, to: ManifestRecord): ManifestChanges {
  return {
    fields: changesOf(fieldsOf(from), fieldsOf(to)),
    dependencies: changesOf(dependenciesOf(from), dependenciesOf(to)),
    inputs: inputChanges(from.inputs, to.inputs),
  };
}
