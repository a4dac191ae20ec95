import type { PackageName } from "../../domain/package-name.ts";
import { isReplacementThere } from "../../packages/replacement.ts";
import type { WebDeps } from "../visit.ts";

/** Returns the replacement that somebody named for a package or a version, unless it exists. */
export async function missingReplacement(
  deps: WebDeps,
  name: PackageName,
  replacement: string | undefined,
): Promise<string | undefined> {
  if (replacement === undefined || (await isReplacementThere(deps, name, replacement))) return undefined;
  return replacement;
}
