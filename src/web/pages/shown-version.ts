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

/** Reports whether a version has other addresses than the one that was asked for. */
export function isAliasOf({ params: { version } }: Visit, shown: ShownVersion): boolean {
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
