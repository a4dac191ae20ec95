import { packageSpecText } from "../client/package-spec.ts";
import type { PackageDocument, VersionDocument } from "../client/registry-documents.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { bytesText } from "./table.ts";

/** Describes a package and one of its versions for people. Text of the registry is escaped. */
export function infoText(found: PackageDocument, version: VersionDocument | undefined): string {
  const head = version === undefined ? found.name : `${found.name} ${version.version}`;
  const lines = [
    escapeUnprintable(head),
    escapeUnprintable(version?.description ?? found.description),
    "",
    ...objections(found, version).map((text) => `! ${escapeUnprintable(text)}`),
    ...rows([...packageRows(found), ...(version === undefined ? [] : versionRows(version))]),
    ...(version === undefined ? [] : contentLines(version)),
    "",
    ...nextSteps(found, version),
  ];
  return lines.filter((line, at) => line !== "" || lines[at - 1] !== "").join("\n");
}

/** The reasons against using a package or a version. */
export function objections(found: PackageDocument, version: VersionDocument | undefined): string[] {
  const { status, statusMessage, statusReplacement } = found;
  const list: string[] = [];
  if (status !== "active")
    list.push(`The package is ${status}${becauseOf(statusMessage)}${insteadOf(statusReplacement)}.`);
  if (version?.yanked === true) {
    const why = [version.yankReason, version.yankMessage].filter((text) => text !== null).join(", ");
    list.push(`This version is yanked${becauseOf(why === "" ? null : why)}${insteadOf(version.yankReplacement)}.`);
  }
  const quarantine = found.quarantine ?? version?.quarantine ?? null;
  if (quarantine !== null) list.push(`It is in quarantine: ${quarantine.reason}`);
  const takedown = version?.takedown ?? null;
  if (takedown !== null) list.push(`This version was taken down: ${takedown.reason}`);
  if (version?.signature.compromised === true) list.push("The key that signed this version is compromised.");
  return list;
}

function becauseOf(text: string | null): string {
  return text === null ? "" : ` (${text})`;
}

function insteadOf(text: string | null): string {
  return text === null ? "" : `; use ${text} instead`;
}

function packageRows({ latest, owners, tags, downloads }: PackageDocument): [string, string][] {
  return [
    ["latest", latest ?? "none"],
    ["owners", owners.join(", ")],
    ["tags", tags.join(", ")],
    ["downloads", String(downloads)],
  ];
}

function versionRows(version: VersionDocument): [string, string][] {
  const { publishedAt, publishedBy, size, sha256, signature, logIndex, license, homepage, repository } = version;
  return [
    ["published", `${publishedAt.slice(0, 10)} by ${publishedBy}`],
    ["size", bytesText(size)],
    ["sha256", sha256],
    ["signed by", `key ${signature.keyId} (${signature.scheme})`],
    ["log index", logIndex === null ? "" : String(logIndex)],
    ["maintainers", version.maintainers.map(({ name, email }) => name ?? email ?? "").join(", ")],
    ["license", license ?? ""],
    ["homepage", homepage ?? ""],
    ["repository", repository ?? ""],
  ];
}

function rows(list: readonly [string, string][]): string[] {
  const shown = list.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${escapeUnprintable(value)}`);
}

function contentLines({ dependencies, inputs, warnings }: VersionDocument): string[] {
  const needs = dependencies.map(({ name, version }) => (version === undefined ? name : `${name} ${version}`));
  const asks = inputs.map(({ key = "", type = "", required, description = "" }) => {
    const kind = [type, required ? "required" : ""].filter((text) => text !== "").join(", ");
    return `${key}${kind === "" ? "" : ` (${kind})`}${description === "" ? "" : `: ${description}`}`;
  });
  const warned = warnings.map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`));
  return [...list("Needs", needs), ...list("Inputs", asks), ...list("Warnings", warned)];
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", heading, ...items.map((item) => `  ${escapeUnprintable(item)}`)];
}

/** Nothing that the registry would refuse, or that nobody should use. */
function nextSteps({ name, latest, quarantine }: PackageDocument, version: VersionDocument | undefined): string[] {
  const isWithheld = (quarantine ?? version?.quarantine ?? version?.takedown ?? null) !== null;
  if (latest === null || version === undefined || isWithheld || version.signature.compromised) return [];
  return [
    `Download and verify: cpm-registry download ${packageSpecText({ name, version: version.version })}`,
    `To deploy: cpm install ${escapeUnprintable(name)}`,
  ];
}
