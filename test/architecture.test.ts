import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { migrationIndex } from "../scripts/generate.ts";
import {
  fileCircles,
  type Layers,
  readSource,
  roomCircles,
  roomOf,
  type SourceFile,
  unlistedFiles,
  upwardImports,
  usersOf,
} from "./support/imports.ts";

/* The plan of the house (docs/architecture.md), computed from what the files of src/ import. */

const SRC = join(import.meta.dir, "../src");

const sources: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts"))
  .map((path) => readSource(path, readFileSync(join(SRC, path), "utf8")));

/**
 * A file imports only from lines below its own and from its own room. Rooms on one line do not
 * import each other.
 */
const LAYERS: Layers = [
  ["main.ts"],
  ["cli"],
  ["app.ts"],
  ["start", "client", "web"],
  // The HTTP surface of every room. It may look at the use cases of other rooms.
  ["*/routes.ts"],
  ["*/docs.ts", "*/schemas.ts"],
  // Features: the use cases.
  ["recovery"],
  ["backup", "publish"],
  ["maintenance", "moderation", "owners"],
  ["webhooks"],
  ["events", "keys"],
  ["packages", "tokens"],
  ["accounts", "health", "search"],
  ["deps.ts"],
  // The transparency log.
  ["verify", "witness"],
  ["log"],
  // Adapters.
  ["http", "http/schemas.ts"],
  ["audit", "metrics", "tracing"],
  ["blobs", "db"],
  ["config"],
  // Formats, cryptography and rules: pure.
  ["archive", "tlog"],
  ["signing"],
  ["domain", "runtime"],
  ["errors.ts"],
];

/** Rooms whose files compute only: the same input gives the same output. */
const PURE_ROOMS = ["archive", "domain", "errors.ts", "signing", "tlog"];

const isTopOfRoom = (path: string) => /^(?!http\/)[a-z]+\/(routes|schemas|docs)\.ts$/.test(path);

const environmentReaders = (files: readonly SourceFile[]) => {
  const text = /\b(process|Bun)\s*(\.\s*env\b|\[)|import\.meta\.env|\{[^{}]*\benv\b[^{}]*\}\s*=\s*(process|Bun)\b/;
  return usersOf(files, { text, imports: /^(node:)?process$/ }, /^config\//);
};

const elysiaUsers = (files: readonly SourceFile[]) => {
  const allowed = /^(app\.ts|(http|web)\/.*|[a-z]+\/(routes|schemas)\.ts|accounts\/authentication\.ts)$/;
  return usersOf(files, { imports: /^(elysia|@elysiajs\/.*)$/ }, allowed);
};

const routeUsers = (files: readonly SourceFile[]) => usersOf(files, { imports: /^[a-z]+\/routes\.tsx?$/ }, /^app\.ts$/);

const impureFiles = (files: readonly SourceFile[]) => {
  const text =
    /\bfetch\(|\bBun\.|\bprocess\.|Math\.random|randomUUID|randomBytes|performance\.now|new Date\(\)|Date\.now/;
  const imports = /^(node:)?(child_process|dns|fs|http|https|net|os|tls|worker_threads)\b|^bun\b/;
  const pure = files.filter(({ path }) => PURE_ROOMS.includes(roomOf(path)));
  return usersOf(pure, { text, imports }, /^$/);
};

/** Returns the lines that export a declaration without a comment before them. */
const undocumentedExports = (text: string) => {
  const lines = text.split("\n");
  return lines.filter((line, at) => {
    const isDeclaration = /^export (async |abstract )?(function|const|class|type|interface) \w/.test(line);
    return isDeclaration && !/\*\/$|^\/\/ /.test(lines[at - 1] ?? "");
  });
};

describe("the import graph of src", () => {
  test("no files import each other in a circle, type imports included", () => {
    expect(fileCircles(sources)).toEqual([]);
  });

  test("no rooms import each other in a circle, apart from their routes, schemas and docs", () => {
    expect(roomCircles(sources, isTopOfRoom)).toEqual([]);
  });

  test("every import goes from an upper layer to a lower one, and every file has a layer", () => {
    expect(unlistedFiles(sources, LAYERS)).toEqual([]);
    expect(upwardImports(sources, LAYERS)).toEqual([]);
  });

  test("only app.ts, http/, web/, routes, schemas and the authentication macros import Elysia", () => {
    expect(elysiaUsers(sources)).toEqual([]);
  });

  test("only app.ts imports routes", () => {
    expect(routeUsers(sources)).toEqual([]);
  });

  test("the graph has every import that Bun sees, and every text that names a source file", () => {
    const tsconfig = { compilerOptions: { jsx: "react-jsx" as const, jsxImportSource: "preact" } };
    const transpilers = {
      ts: new Bun.Transpiler({ loader: "ts" }),
      tsx: new Bun.Transpiler({ loader: "tsx", tsconfig }),
    };
    const missed = sources.flatMap(({ path, text, imports }) => {
      const seen = transpilers[path.endsWith("x") ? "tsx" : "ts"].scanImports(text).map((found) => found.path);
      const named = [...text.matchAll(/"(\.\.?\/[^"\n]+\.tsx?)"/g)].map((match) => match[1] ?? "");
      const targets = readSource(path, [...seen, ...named].map((name) => `import "${name}";`).join("\n")).imports;
      const isJsx = (target: string) => /^(?:react|preact)(?:\/jsx.*)?$/.test(target);
      return targets
        .filter((target) => !imports.includes(target) && !isJsx(target))
        .map((target) => `${path} imports ${target}`);
    });
    expect(missed).toEqual([]);
  });
});

describe("the rules about imports", () => {
  /** The sources after `text` was put at the head of one file, as an author would. */
  const changed = (path: string, text: string) =>
    sources.map((source) => (source.path === path ? readSource(path, `${text}\n${source.text}`) : source));

  test("two files that import each other are refused, even if they import only types", () => {
    const circle = ["log/append.ts", "log/transparency-log.ts"];
    expect(fileCircles(changed("log/append.ts", 'import type { Rollback } from "./transparency-log.ts";'))).toEqual([
      circle,
    ]);
    expect(fileCircles(changed("log/append.ts", 'type Log = import("./transparency-log.ts").Rollback;'))).toEqual([
      circle,
    ]);
  });

  test("two rooms that import each other are refused, even if none of their files do", () => {
    const mutated = changed("audit/record-event.ts", 'import { publish } from "../publish/publish.ts";');
    expect(roomCircles(mutated, isTopOfRoom).flat()).toEqual(expect.arrayContaining(["audit", "publish"]));
    expect(fileCircles(changed("keys/list-keys.ts", 'import "../owners/list-owners.ts";'))).toEqual([]);
    expect(roomCircles(changed("keys/list-keys.ts", 'import "../owners/list-owners.ts";'), isTopOfRoom)).toEqual([
      ["keys", "owners"],
    ]);
  });

  test.each([
    ["from the audit to a use case", "audit/record-event.ts", "publish/publish.ts"],
    ["from the errors to the domain", "errors.ts", "domain/digest.ts"],
    ["from one room to another of the same layer", "owners/list-owners.ts", "moderation/quarantine.ts"],
    ["from a use case to the schemas of its own room", "keys/list-keys.ts", "keys/schemas.ts"],
    ["from routes to the routes of another room", "keys/routes.ts", "packages/routes.ts"],
    ["from a pure room to the database", "tlog/merkle.ts", "db/database.ts"],
  ])("an import %s is refused", (_, path, target) => {
    const root = path.includes("/") ? ".." : ".";
    const mutated = changed(path, `import type { Thing } from "${root}/${target}";`);
    expect(upwardImports(mutated, LAYERS)).toEqual([`${path} imports ${target}`]);
  });

  test("a file of a room without a layer is refused", () => {
    expect(unlistedFiles([...sources, readSource("news/feed.ts", "")], LAYERS)).toEqual(["news/feed.ts"]);
  });

  test.each([
    "const home = process.env.HOME;",
    'const home = Bun.env["HOME"];',
    "const { env } = process;",
    'import { env } from "node:process";',
  ])("a use case that reads the environment is refused: %s", (line) => {
    expect(environmentReaders(changed("publish/publish.ts", line))).toEqual(["publish/publish.ts"]);
  });

  test.each(['import { t } from "elysia";', 'import type { Static } from "elysia";', 'import "@elysiajs/jwt";'])(
    "a use case that imports Elysia is refused: %s",
    (line) => {
      expect(elysiaUsers(changed("publish/publish.ts", line))).toEqual(["publish/publish.ts"]);
    },
  );

  test("an import of routes outside of app.ts is refused", () => {
    const line = 'import { keyRoutes } from "../keys/routes.ts";';
    expect(routeUsers(changed("start/workers.ts", line))).toEqual(["start/workers.ts"]);
  });

  test.each(['import { readFile } from "node:fs/promises";', "const now = new Date();", "const id = randomUUID();"])(
    "a pure room is refused if it has this line: %s",
    (line) => {
      expect(impureFiles(changed("domain/version.ts", line))).toEqual(["domain/version.ts"]);
    },
  );
});

describe("what only one place in src does", () => {
  const users = (text: RegExp, allowed: RegExp) => usersOf(sources, { text }, allowed);

  test("only config/ reads the environment", () => {
    expect(environmentReaders(sources)).toEqual([]);
  });

  test("only runtime/outside-request.ts and the client of the bucket send requests to other servers", () => {
    // `api-page.ts` names a call of the page that it serves.
    const allowed = /^(runtime\/outside-request|blobs\/s3-bucket|http\/api-page)\.ts$/;
    expect(users(/(?<!\bapp\.|\bcreateApp\(\w+\)\.)\bfetch\(/, allowed)).toEqual([]);
  });

  test("only runtime/print.ts writes to the console, and only it, the logger, progress bars and questions to standard error", () => {
    expect(users(/\bconsole\b/, /^(runtime\/print|http\/api-page)\.ts$/)).toEqual([]);
    const streams = /\bprocess\s*\.\s*std(out|err)\b|\bBun\.std(out|err)\b/;
    expect(users(streams, /^(runtime\/(logger|print)|cli\/progress|client\/prompt)\.ts$/)).toEqual([]);
    expect(usersOf(sources, { imports: /^(node:)?console$/ }, /^$/)).toEqual([]);
  });

  test("commands that open the data directory read the settings through start/data-owner.ts", () => {
    const allowed = /^(config\/.*|start\/data-owner\.ts|cli\/(serve|openapi|healthcheck)\.ts)$/;
    expect(users(/\breadConfig\(/, allowed)).toEqual([]);
  });

  test("only start/ reads the clock", () => {
    expect(users(/new Date\(\)|Date\.now\(\)/, /^start\//)).toEqual([]);
  });

  test("only main.ts sets the exit code", () => {
    expect(users(/process\.exit(Code)?\b/, /^main\.ts$/)).toEqual([]);
  });

  test("only http/, web/, routes and the server of the witness build a Response", () => {
    const allowed = /^((http|web)\/.*|[a-z]+\/routes\.ts|witness\/server\.ts)$/;
    expect(users(/\bnew Response\(|\bResponse\.json\(/, allowed)).toEqual([]);
  });

  test("no file spreads a body, so its fields are picked one by one", () => {
    expect(users(/\{[^}]*\.\.\.body\b/, /^$/)).toEqual([]);
  });

  test("the pure rooms use no files, no network, no clock and no randomness", () => {
    expect(impureFiles(sources)).toEqual([]);
  });

  test("deps.ts has only types", () => {
    const text = sources.find(({ path }) => path === "deps.ts")?.text ?? "missing";
    expect(new Bun.Transpiler({ loader: "ts" }).transformSync(text).trim()).toBe("");
  });

  test("src/db/migrations.gen.ts lists every migration under drizzle/", async () => {
    expect(readFileSync(join(SRC, "db/migrations.gen.ts"), "utf8")).toBe(await migrationIndex());
  });
});

/** Values that a file exports although no other file of `others` has their name. */
const unusedExports = (files: readonly SourceFile[], others: readonly SourceFile[]) => {
  const wordsOf = ({ text }: SourceFile) => new Set(text.match(/[\w$]+/g));
  const words = new Map(others.map((file) => [file.path, wordsOf(file)]));
  return files.flatMap(({ path, text }) => {
    const names = [...text.matchAll(/^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm)].map(
      ([, name = ""]) => name,
    );
    const isUsed = (name: string) => [...words].some(([other, found]) => other !== path && found.has(name));
    return names.filter((name) => !isUsed(name)).map((name) => `${path}: ${name}`);
  });
};

/** Packages that files import. Bun and Node.js bring some themselves. */
const packagesOf = (files: readonly SourceFile[]) => {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)));
  const names = files.flatMap(({ imports }) => imports).map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? "");
  const isPackage = (name: string) => !rooms.has(name) && !/^(?:node:|bun$|bun:|\.\.$)/.test(name);
  return [...new Set(names)].filter((name) => isPackage(name) && !/\.[a-z]+$/.test(name));
};

describe("the files of src", () => {
  test("no file exports a value that no other file uses", () => {
    const everywhere = ["test", "scripts"].flatMap((root) =>
      readdirSync(join(SRC, "..", root), { recursive: true, encoding: "utf8" })
        .filter((path) => /\.m?ts$/.test(path))
        .map((path) => readSource(`../${root}/${path}`, readFileSync(join(SRC, "..", root, path), "utf8"))),
    );
    expect(unusedExports(sources, [...sources, ...everywhere])).toEqual([]);
    const unused = [readSource("a.ts", "export const a = 1;"), readSource("b.ts", "const b = 2;")];
    expect(unusedExports(unused, unused)).toEqual(["a.ts: a"]);
  });

  test("every package that a file imports is a dependency, not only one of development", () => {
    const { dependencies } = JSON.parse(readFileSync(join(SRC, "../package.json"), "utf8"));
    expect(packagesOf(sources).filter((name) => !(name in dependencies))).toEqual([]);
    expect(packagesOf([readSource("a.ts", 'import x from "@scope/name/part";')])).toEqual(["@scope/name"]);
  });

  test("no file has more than 300 lines", () => {
    expect(sources.filter(({ text }) => text.split("\n").length > 301).map(({ path }) => path)).toEqual([]);
  });

  test("every file with JSX names its library, because Bun reads no tsconfig.json outside of its folder", () => {
    const withJsx = sources.filter(({ path }) => path.endsWith(".tsx"));
    expect(withJsx.filter(({ text }) => !text.startsWith("/** @jsxImportSource preact */\n"))).toEqual([]);
    expect(withJsx.length).toBeGreaterThan(0);
  });

  test("no file is a barrel, or is called utils or helper", () => {
    const vague = /(^|\/)(index|utils?|helpers?|common|misc)\b/;
    expect(sources.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
    expect(usersOf(sources, { text: /^export (type )?\* from/m }, /^$/)).toEqual([]);
  });

  test("no file forces a type or switches off a check", () => {
    const forced = /@ts-(ignore|expect-error|nocheck)|biome-ignore|\bas any\b|: any\b|as unknown as/;
    const inCode = sources.map(({ path, text }) => readSource(path, text.replace(/\/\*[\s\S]*?\*\//g, "")));
    expect(usersOf(inCode, { text: forced }, /^$/)).toEqual([]);
  });

  test("every exported declaration has a doc comment", () => {
    const withoutDoc = sources.flatMap(({ path, text }) =>
      undocumentedExports(text).map((declaration) => `${path}: ${declaration}`),
    );
    expect(withoutDoc).toEqual([]);
    expect(undocumentedExports("export const a = 1;\n/** B. */\nexport const b = 2;")).toEqual(["export const a = 1;"]);
  });
});
