/** Decides about one path below the package's directory. Directories have no `/` at their end. */
export type IsIgnored = (path: string, isDirectory: boolean) => boolean;

interface Rule {
  readonly pattern: RegExp;
  readonly isNegated: boolean;
  readonly isForDirectories: boolean;
}

/**
 * Parses `.cpmignore`, which has the rules of gitignore. The last rule that matches decides. What
 * is in an ignored directory cannot be brought back, because a walk does not enter it.
 */
export function parseIgnoreRules(text: string): IsIgnored {
  const rules = text.split("\n").flatMap((line) => ruleOf(line.replace(/\r$/, "")));
  return (path, isDirectory) => {
    const last = rules.findLast(
      ({ pattern, isForDirectories }) => (isDirectory || !isForDirectories) && pattern.test(path),
    );
    return last !== undefined && !last.isNegated;
  };
}

function ruleOf(line: string): Rule[] {
  if (line.startsWith("#")) return [];
  // A space at the end counts only behind a backslash.
  const trimmed = line.replace(/(?<!\\)((?:\\\\)*) +$/, "$1");
  const isNegated = trimmed.startsWith("!");
  const written = isNegated ? trimmed.slice(1) : trimmed;
  const isForDirectories = written.endsWith("/");
  const glob = isForDirectories ? written.slice(0, -1) : written;
  if (glob === "") return [];
  // With a / at the start or inside, the rule is about a path; otherwise about a name anywhere.
  const isPath = glob.includes("/");
  const source = globSource(glob.replace(/^\//, ""));
  if (source === undefined) return [];
  return [{ pattern: new RegExp(`^${isPath ? "" : "(?:.*/)?"}${source}$`, "us"), isNegated, isForDirectories }];
}

/** Undefined for a pattern that matches nothing, such as one that ends in a backslash. */
function globSource(glob: string): string | undefined {
  let source = "";
  for (let at = 0; at < glob.length; ) {
    const [text, length] = tokenAt(glob, at);
    if (text === undefined) return undefined;
    source += text;
    at += length;
  }
  return source;
}

type Token = readonly [source: string | undefined, length: number];

function tokenAt(glob: string, at: number): Token {
  const rest = glob.slice(at);
  const isSegmentStart = at === 0 || glob[at - 1] === "/";
  if (isSegmentStart && rest.startsWith("**/")) return ["(?:.*/)?", 3];
  if (isSegmentStart && rest === "**") return [".+", 2];
  if (rest.startsWith("*")) return ["[^/]*", (/^\*+/.exec(rest) ?? [""])[0].length];
  if (rest.startsWith("?")) return ["[^/]", 1];
  if (rest.startsWith("[")) return classAt(rest);
  if (rest.startsWith("\\"))
    return rest.length === 1 ? [undefined, 1] : [literal(rest.slice(1)), 1 + firstOf(rest.slice(1)).length];
  return [literal(rest), firstOf(rest).length];
}

/** A set of characters such as `[a-z]` or `[!0-9]`. It never matches `/`. */
function classAt(rest: string): Token {
  const found = /^\[([!^]?)((?:\[:[a-z]+:\]|\]|\\.|[^\]\\])(?:\\.|\[:[a-z]+:\]|[^\]\\])*)\]/su.exec(rest);
  if (found === null) return [undefined, 1];
  const [whole, negation = "", members = ""] = found;
  const escaped = members
    .replaceAll(/\[:([a-z]+):\]/g, (_, name: string) => POSIX_CLASSES[name] ?? "")
    .replaceAll(/\\(.)|[[\]^&~{}()|/]/gsu, (text, taken?: string) => literal(taken ?? text));
  return [`(?!/)[${negation === "" ? "" : "^"}${escaped}]`, whole.length];
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  space: " \t\n\r\f\v",
  xdigit: "A-Fa-f0-9",
};

function firstOf(text: string): string {
  return [...text.slice(0, 2)][0] ?? "";
}

function literal(text: string): string {
  return firstOf(text).replace(/[\\^$.*+?()[\]{}|/-]/u, "\\$&");
}
