import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ENVIRONMENT, gnuTar, goOracle, pythonOf, pythonPath } from "./programs.ts";

/** The result of a reader: lines of path, size and SHA-256, or the reason why it failed. */
export type Reading = { readonly files: readonly string[] } | { readonly error: string };

/** A program that unpacks archives and is independent of the registry's code. */
export interface Reader {
  readonly name: string;
  read(archivePath: string): Promise<Reading>;
  close(): Promise<void>;
}

const ORACLE = import.meta.dir;
/** The oldest and the newest Python 3 whose reading must be the same. */
const PYTHON_MINORS = [8, 13];

/**
 * The options of a plain `tar -xzf` run by any user: it keeps neither owners nor special
 * permissions. Root's tar would, and the tests must have the same result for both.
 */
const EXTRACT = ["-xzf"];
const AS_ANYBODY = ["--no-same-owner", "--no-same-permissions"];

/** A reader by its name, and how to open it; undefined if its program is not on this machine. */
type KnownReader = readonly [name: string, open: (() => Reader) | undefined];

/** Returns every reader whose program is on this machine. Temporary files go below `scratch`. */
export async function openReaders(scratch: string): Promise<{ readers: Reader[]; missing: string[] }> {
  const go = await goOracle(scratch);
  const tar = gnuTar();
  const known: readonly KnownReader[] = [
    ["Go", go === undefined ? undefined : () => lineReader("Go", [go, "list"])],
    ...pythonReaders(),
    ["GNU tar", tar === undefined ? undefined : () => extractor("GNU tar", tar, scratch)],
    ["bsdtar", Bun.which("bsdtar") === null ? undefined : () => extractor("bsdtar", "bsdtar", scratch)],
  ];
  const readers: Reader[] = [];
  for (const [, open] of known) if (open !== undefined) readers.push(open());
  return { readers, missing: known.filter(([, open]) => open === undefined).map(([name]) => name) };
}

/**
 * Python's tarfile changed between 3.8 and 3.13 in how it reads names and PAX headers. So the
 * oldest and the newest of these are asked too, beside the one that is called `python3`.
 */
function pythonReaders(): KnownReader[] {
  const versions = new Map<string, string>();
  const usual = pythonPath();
  if (usual !== null) versions.set("Python", usual);
  for (const minor of PYTHON_MINORS) {
    const path = pythonOf(minor);
    if (path !== undefined) versions.set(`Python 3.${minor}`, path);
  }
  const names = ["Python", ...PYTHON_MINORS.map((minor) => `Python 3.${minor}`)];
  return names.map((name) => {
    const path = versions.get(name);
    return [name, path === undefined ? undefined : () => lineReader(name, [path, join(ORACLE, "oracle.py"), "list"])];
  });
}

/** A process that answers every path on its input with a line on its output. */
function lineReader(name: string, command: string[]): Reader {
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit", env: ENVIRONMENT });
  const lines = linesOf(child.stdout);
  return {
    name,
    read: async (archivePath) => {
      child.stdin.write(`${archivePath}\n`);
      child.stdin.flush();
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended without an answer`);
      const answer: Reading = JSON.parse(line.value);
      return "error" in answer ? answer : { files: (answer.files ?? []).map(normalised).sort() };
    },
    close: async () => {
      child.stdin.end();
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** A program that unpacks into a folder. The files there afterwards are its result. */
function extractor(name: string, program: string, scratch: string): Reader {
  let runs = 0;
  return {
    name,
    read: async (archivePath) => {
      runs += 1;
      const folder = join(scratch, `${program}-${runs}`);
      mkdirSync(folder);
      try {
        const child = Bun.spawn([program, ...EXTRACT, archivePath, "-C", folder, ...AS_ANYBODY], {
          env: ENVIRONMENT,
          stderr: "pipe",
        });
        const [status, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
        if (status !== 0) return { error: `exit code ${status}: ${errors.trim()}` };
        return { files: filesBelow(folder).map(normalised).sort() };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    close: async () => undefined,
  };
}

function filesBelow(folder: string, prefix = ""): string[] {
  // An archive may make a folder or file unreadable for its owner.
  chmodSync(folder, 0o700);
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const name = prefix + entry.name;
    if (entry.isDirectory()) return filesBelow(path, `${name}/`);
    if (!entry.isFile()) return [`${name} is neither file nor directory`];
    if ((lstatSync(path).mode & 0o400) === 0) chmodSync(path, 0o600);
    const content = readFileSync(path);
    return [`${name} ${content.length} ${createHash("sha256").update(content).digest("hex")}`];
  });
}

/** Removes `./` before a name, which programs remove when they create the file. */
function normalised(file: string): string {
  return file.replace(/^\.\//, "");
}
