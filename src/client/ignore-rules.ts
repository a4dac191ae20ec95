import ignore from "ignore";

/** Decides about one path below the package's directory. Directories have no `/` at their end. */
export type IsIgnored = (path: string, isDirectory: boolean) => boolean;

/**
 * Parses `.cpmignore`, which has the rules of gitignore. Case counts on every system, so that every
 * machine packs the same files.
 */
export function parseIgnoreRules(text: string): IsIgnored {
  const rules = ignore({ ignorecase: false, allowRelativePaths: true }).add(text);
  return (path, isDirectory) => rules.ignores(isDirectory ? `${path}/` : path);
}
