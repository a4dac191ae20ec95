import type { Manifest } from "../archive/manifest.ts";
import { parseJsonText } from "../domain/json-text.ts";
import type { Fault } from "../errors.ts";

/** The part of a publish form that repeats the manifest as JSON. */
export const METADATA_FIELD = "metadata";

/** What a publisher states about a package beside the archive. */
export type Metadata = ReadonlyMap<string, unknown>;

/** Reads the part. Anything but a JSON object is a fault. */
export function parseMetadata(text: string | undefined, faults: Fault[]): Metadata | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  try {
    const parsed: unknown = parseJsonText(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return new Map(Object.entries(parsed));
  } catch {
    // The message of the engine would quote the text.
  }
  faults.push({ path: `/${METADATA_FIELD}`, message: "must be a JSON object, or left out" });
  return undefined;
}

/**
 * Compares metadata with the signed manifest, which counts. Fields that the manifest format does
 * not have are ignored, and so is what is null or empty: it states nothing.
 */
export function metadataFaults(metadata: Metadata | undefined, { version, ...fields }: Manifest): Fault[] {
  const manifest = new Map<string, unknown>(Object.entries({ ...fields, version: version.text }));
  return [...(metadata ?? [])]
    .filter(([field, stated]) => manifest.has(field) && !agrees(stated, manifest.get(field)))
    .map(([field]) => ({ path: `/${METADATA_FIELD}/${field}`, message: `is not the ${field} in colony.yaml` }));
}

function agrees(stated: unknown, actual: unknown): boolean {
  if (stated === null || stated === undefined || stated === "") return true;
  if (Array.isArray(stated)) {
    if (!Array.isArray(actual)) return stated.length === 0 && actual === undefined;
    return stated.length === actual.length && stated.every((entry, index) => agrees(entry, actual[index]));
  }
  if (typeof stated !== "object") return String(stated) === String(actual ?? "");
  if (typeof actual !== "object" || actual === null) return false;
  const fields = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(stated).every(([field, value]) => agrees(value, fields.get(field)));
}
