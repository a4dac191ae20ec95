import { dirname, join } from "node:path";

/*
 * What the files of a source tree import, and which imports a list of layers forbids. Pure: texts
 * in, findings out.
 */

/** A source file and everything it imports, types included. */
export interface SourceFile {
  /** Relative to the root of the tree, such as `publish/record.ts`. */
  readonly path: string;
  readonly text: string;
  /** Paths of files relative to the root (`../` for files above it), and names of packages. */
  readonly imports: readonly string[];
}

const CLAUSE = String.raw`(?:type\s+)?(?:[\w$]+|(?:[\w$]+\s*,\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\}))`;
/**
 * `import "x"`, `import a, { b } from "x"`, `import type …`, `export … from "x"`. Biome starts each
 * on its own line.
 */
const STATEMENT = new RegExp(String.raw`^(?:import|export)\s+(?:${CLAUSE}\s*from\s*)?"([^"]+)"`, "gm");
/** `import("x")` in code and in types, and `require("x")`. */
const CALL = /\b(?:import|require)\(\s*"([^"]+)"/g;

/** Lists what a file imports. `path` is relative to the root of the tree. */
export function readSource(path: string, text: string): SourceFile {
  const specifiers = [STATEMENT, CALL].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
  const imports = specifiers.map((name) => (name.startsWith(".") ? join(dirname(path), name) : name));
  return { path, text, imports: [...new Set(imports)] };
}

/**
 * The room of a file: its folder at the root of the tree, or its own name if it lies at the root.
 */
export function roomOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function importedFiles(sources: readonly SourceFile[]): Map<string, string[]> {
  const known = new Set(sources.map(({ path }) => path));
  return new Map(sources.map(({ path, imports }) => [path, imports.filter((target) => known.has(target))]));
}

/** Circles of files: each file of a circle imports every other, directly or through others. */
export function fileCircles(sources: readonly SourceFile[]): string[][] {
  return circlesOf(importedFiles(sources));
}

/** Circles of rooms. Imports that begin in a file which `isLeftAside` do not count. */
export function roomCircles(sources: readonly SourceFile[], isLeftAside: (path: string) => boolean): string[][] {
  const rooms = new Map(sources.map(({ path }) => [roomOf(path), new Set<string>()]));
  for (const [path, targets] of importedFiles(sources)) {
    if (isLeftAside(path)) continue;
    for (const target of targets) if (roomOf(target) !== roomOf(path)) rooms.get(roomOf(path))?.add(roomOf(target));
  }
  return circlesOf(rooms);
}

/**
 * The strongly connected components of a graph that have more than one node, by Tarjan's algorithm.
 */
function circlesOf(graph: ReadonlyMap<string, Iterable<string>>): string[][] {
  const circles: string[][] = [];
  const indexes = new Map<string, number>();
  const lows = new Map<string, number>();
  const stack: string[] = [];
  const lower = (node: string, low = 0) => lows.set(node, Math.min(lows.get(node) ?? low, low));
  const visit = (node: string) => {
    const index = indexes.size;
    indexes.set(node, index);
    lower(node, index);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!indexes.has(next)) visit(next);
      if (stack.includes(next)) lower(node, lows.get(next));
    }
    if (lows.get(node) !== index) return;
    const members = stack.splice(stack.indexOf(node)).sort();
    if (members.length > 1) circles.push(members);
  };
  for (const node of graph.keys()) if (!indexes.has(node)) visit(node);
  return circles;
}

/**
 * Layers from the top to the bottom. A layer lists rooms (`publish`), files (`app.ts`), and files
 * of any room by their name (an asterisk for the room). The path of a file wins over its name, and
 * its name over its room.
 */
export type Layers = readonly (readonly string[])[];

function layerOf(layers: Layers, path: string): number | undefined {
  const names = [path, path.replace(/^[^/]+/, "*"), roomOf(path)];
  const found = names.map((name) => layers.findIndex((layer) => layer.includes(name)));
  return found.find((index) => index >= 0);
}

/** Files that no layer lists. */
export function unlistedFiles(sources: readonly SourceFile[], layers: Layers): string[] {
  return sources.map(({ path }) => path).filter((path) => layerOf(layers, path) === undefined);
}

/** Imports that go up, or sideways to another room of the same layer. */
export function upwardImports(sources: readonly SourceFile[], layers: Layers): string[] {
  return [...importedFiles(sources)].flatMap(([path, targets]) => {
    const from = layerOf(layers, path) ?? 0;
    const isDownward = (target: string) => {
      const to = layerOf(layers, target) ?? 0;
      return to > from || (to === from && roomOf(target) === roomOf(path));
    };
    return targets.filter((target) => !isDownward(target)).map((target) => `${path} imports ${target}`);
  });
}

/** Files whose text or imports match `pattern`, except those that `allowed` matches. */
export function usersOf(
  sources: readonly SourceFile[],
  used: { readonly text?: RegExp; readonly imports?: RegExp },
  allowed: RegExp,
): string[] {
  const isUser = ({ text, imports }: SourceFile) =>
    used.text?.test(text) || imports.some((name) => used.imports?.test(name));
  return sources.filter((source) => isUser(source) && !allowed.test(source.path)).map(({ path }) => path);
}
