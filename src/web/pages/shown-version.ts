import { Failure } from "../../errors.ts";
import { isOwnAddress } from "../../packages/content-handlers.ts";
import { readTextFile } from "../../packages/contents.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { readShownVersion, type ShownVersion } from "../../packages/read-shown-version.ts";
import type { Visit, WebDeps } from "../visit.ts";

/** Reads the version that the address names, or the latest. Throws what a page of errors shows. */
export async function shownVersionOf(deps: WebDeps, { params, base }: Visit): Promise<ShownVersion> {
  const { name, version } = params;
  return readShownVersion({ ...deps, config: { ...deps.config, publicUrl: base } }, packageNameParam(name), version);
}

/** Reports whether a part of an address is written as the pages write it. */
function isPlainlyWritten(part: string): boolean {
  try {
    return encodeURIComponent(decodeURIComponent(part)) === part;
  } catch {
    return false;
  }
}

/**
 * Reports whether the address that was asked for is one of many of a page: a version has others
 * with other build metadata, and a character has another with a percent sign.
 */
export function isAliasOf({ params: { version }, path }: Visit, shown: ShownVersion): boolean {
  if (!path.split("/").every(isPlainlyWritten)) return true;
  return version !== undefined && !isOwnAddress(version, shown.version.version);
}

/** Returns the text, or undefined for a package without one and for one in quarantine. */
export async function textOrNone(
  deps: WebDeps,
  { version: { name, version } }: ShownVersion,
  file: "README.md" | "values.yaml",
): Promise<string | undefined> {
  try {
    return await readTextFile(deps, packageNameParam(name), version, file);
  } catch (cause) {
    const code = cause instanceof Failure ? cause.error.code : undefined;
    if (code === "contents_not_found" || code === "quarantined") return undefined;
    throw cause;
  }
}
