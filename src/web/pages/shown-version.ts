import { isOwnAddress } from "../../packages/content-handlers.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { readShownVersion, type ShownText, type ShownVersion } from "../../packages/read-shown-version.ts";
import type { Visit, WebDeps } from "../visit.ts";

/** Reads the version that the address names, or the latest. Throws what a page of errors shows. */
export async function shownVersionOf(
  deps: WebDeps,
  { params: { name, version }, base }: Visit,
  text?: ShownText,
): Promise<ShownVersion> {
  const config = { ...deps.config, publicUrl: base };
  return readShownVersion({ ...deps, config }, packageNameParam(name), { version, text });
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
