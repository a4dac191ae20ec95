import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { migrationIndex } from "../scripts/generate.ts";

/* The house plan (docs/architecture.md), checked: which way imports go, and what stands in one place only. */

const SRC = join(import.meta.dir, "../src");

interface Source {
  /** Relative to src/, such as `packages/publish.ts`. */
  readonly path: string;
  readonly text: string;
  /** Modules of src/, relative to it; and names of packages. */
  readonly imports: readonly string[];
}

function importsOf(path: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) =>
    specifier.startsWith(".") ? relative(SRC, join(SRC, dirname(path), specifier)) : specifier,
  );
}

const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
  .map((path) => {
    const text = readFileSync(join(SRC, path), "utf8");
    return { path, text, imports: importsOf(path, text) };
  });

/** The room of a file: its folder under src/, or its own name at the top. */
function roomOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] ?? "") : path;
}

/** What each room may import from, itself aside. Below stands first: nothing imports upwards. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "version.ts": [],
  "gate.ts": ["errors.ts"],
  registry: ["errors.ts"],
  "failpoints.ts": [],
  "within.ts": [],
  config: ["registry", "tlog", "errors.ts", "failpoints.ts"],
  signing: ["registry", "errors.ts"],
  tlog: ["signing"],
  blobs: ["config", "registry", "errors.ts", "failpoints.ts", "gate.ts", "within.ts"],
  db: ["config", "errors.ts", "gate.ts", "within.ts"],
  ops: ["config", "db", "http", "deps.ts", "errors.ts", "version.ts", "within.ts"],
  http: ["config", "ops", "errors.ts", "version.ts", "within.ts"],
  events: ["accounts", "db", "http", "packages", "registry", "deps.ts", "errors.ts"],
  accounts: ["db", "events", "http", "registry", "deps.ts", "errors.ts", "gate.ts"],
  tokens: ["accounts", "db", "events", "http", "registry", "deps.ts", "errors.ts"],
  keys: ["accounts", "db", "events", "http", "log", "packages", "registry", "signing", "deps.ts", "errors.ts"],
  owners: ["accounts", "db", "events", "http", "keys", "packages", "registry", "deps.ts", "errors.ts"],
  moderation: ["accounts", "db", "events", "http", "keys", "packages", "registry", "deps.ts", "errors.ts"],
  witness: ["blobs", "ops", "tlog", "errors.ts", "failpoints.ts", "gate.ts"],
  log: ["accounts", "blobs", "config", "db", "http", "ops", "tlog", "witness", "deps.ts", "errors.ts", "failpoints.ts"],
  verify: ["log", "registry", "signing", "tlog", "errors.ts", "gate.ts"],
  search: ["accounts", "db", "deps.ts"],
  packages: [
    "accounts",
    "blobs",
    "config",
    "db",
    "events",
    "keys",
    "http",
    "log",
    "ops",
    "registry",
    "search",
    "signing",
    "tlog",
    "deps.ts",
    "errors.ts",
    "gate.ts",
  ],
  "deps.ts": ["blobs", "config", "db", "http", "log", "ops", "packages", "tlog", "errors.ts", "failpoints.ts"],
  upkeep: ["blobs", "db", "packages", "registry", "signing", "deps.ts", "errors.ts", "gate.ts"],
  "app.ts": [
    "accounts",
    "deps.ts",
    "events",
    "http",
    "keys",
    "log",
    "moderation",
    "ops",
    "owners",
    "packages",
    "tokens",
  ],
  cli: [
    "accounts",
    "app.ts",
    "blobs",
    "config",
    "db",
    "deps.ts",
    "errors.ts",
    "events",
    "failpoints.ts",
    "http",
    "log",
    "moderation",
    "ops",
    "registry",
    "tlog",
    "upkeep",
    "verify",
    "witness",
  ],
  "main.ts": ["cli", "version.ts"],
};

const FEATURES = ["accounts", "events", "keys", "log", "moderation", "owners", "packages", "search", "tokens", "ops"];

describe("imports", () => {
  test("go one way: main, cli, app, routes, use case, adapters, registry, errors", () => {
    const wrong = sources.flatMap(({ path, imports }) => {
      const room = roomOf(path);
      const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
      return imports
        .filter((target) => /\.(ts|tsx)$/.test(target) && !target.startsWith(".."))
        .filter((target) => !allowed.includes(roomOf(target)))
        .map((target) => `${path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test("every room is on the plan", () => {
    expect([...new Set(sources.map(({ path }) => roomOf(path)))].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test("of the operations room, http takes the logger only", () => {
    const taken = sources.filter(({ path }) => roomOf(path) === "http").flatMap(({ imports }) => imports);
    expect([...new Set(taken.filter((target) => roomOf(target) === "ops"))]).toEqual(["ops/logger.ts"]);
  });

  test("no feature imports another feature's routes or queries", () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter((target) => FEATURES.includes(roomOf(target)) && roomOf(target) !== roomOf(path))
        .filter((target) => /\/(routes|queries)\.ts$/.test(target) && path !== "app.ts")
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("Elysia is imported by app, http, routes, schemas and the authentication macro only", () => {
    const allowed = /^(app\.ts|http\/.*|[a-z]+\/(routes|schemas)\.ts|accounts\/authentication\.ts)$/;
    const users = sources.filter(({ imports }) => imports.some((name) => /^(elysia|@elysiajs\/)/.test(name)));
    expect(users.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([]);
  });

  test("a use case builds no Response", () => {
    const builders = sources.filter(({ text }) => /\bnew Response\(|\bResponse\.json\(/.test(text));
    const allowed = /^(http\/.*|[a-z]+\/routes\.ts)$/;
    expect(builders.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([]);
  });

  test("nothing is exported through barrels, and nothing is called utils or helper", () => {
    expect(
      sources.map(({ path }) => path).filter((path) => /(^|\/)(index|utils?|helpers?|common|misc)\b/.test(path)),
    ).toEqual([]);
    expect(sources.filter(({ text }) => /^export \* from/m.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("one place only", () => {
  test("the environment is read in config/ alone", () => {
    const readers = sources.filter(({ text }) => /\b(process|Bun)\.env\b/.test(text)).map(({ path }) => path);
    expect(readers).toEqual(["config/config.ts"]);
  });

  test("the clock is read where a process is put together, not in a use case", () => {
    const readers = sources.filter(({ text }) => /new Date\(\)|Date\.now\(\)/.test(text)).map(({ path }) => path);
    expect(readers).toEqual(["deps.ts"]);
  });

  test("the exit code is set in main alone", () => {
    const setters = sources.filter(({ text }) => /process\.exit(Code)?\b/.test(text)).map(({ path }) => path);
    expect(setters).toEqual(["main.ts"]);
  });

  test("registry/ and tlog/ are pure: no files, no network, no clock, no randomness", () => {
    const impure = /node:fs|node:net|node:http|\bfetch\(|\bBun\.|Math\.random|randomUUID|randomBytes|performance\.now/;
    const pure = sources.filter(({ path }) => ["registry", "tlog"].includes(roomOf(path)));
    const wrong = pure.filter(({ text }) => impure.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("src/db/migrations.gen.ts lists every migration under drizzle/", async () => {
    expect(readFileSync(join(SRC, "db/migrations.gen.ts"), "utf8")).toBe(await migrationIndex());
  });
});

describe("size", () => {
  test("no file is longer than 300 lines", () => {
    const long = sources.filter(({ text }) => text.split("\n").length > 301).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  test("no type is forced and no check is switched off, but for the casts that are proved", () => {
    const forced = /@ts-(ignore|expect-error|nocheck)|biome-ignore|\bas any\b|: any\b|as unknown as/;
    expect(sources.filter(({ text }) => forced.test(text)).map(({ path }) => path)).toEqual([]);
  });
});
