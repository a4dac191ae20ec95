import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { HELP } from "../../src/cli/help.ts";
import { readConfig } from "../../src/config/config.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { inTemporaryDirectory, whileServing } from "../binary/executable.ts";
import { freePort } from "../support/ports.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";

/* The README is tried as it is written: its shell blocks run against a registry that is started as a process. */

const ROOT = resolve(import.meta.dir, "../..");
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "docs/architecture.md",
  "docs/operations.md",
  "docs/benchmarks.md",
] as const;
const SCRIPT_TIMEOUT_MS = 40_000;

interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

function read(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** The fenced blocks of a document, each with the heading it stands under. */
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  for (const [, title, language = "", text = ""] of markdown.matchAll(/^#{1,6} (.+)$|^```(\w*)\n([\s\S]*?)^```$/gm)) {
    if (title === undefined) blocks.push({ heading, language, text });
    else heading = title;
  }
  return blocks;
}

/** What is under a heading of the second level, up to the next one. */
function section(markdown: string, heading: string): string {
  const [, rest = ""] = markdown.split(`\n## ${heading}\n`);
  return rest.split("\n## ", 1)[0] ?? "";
}

const README = read("README.md");
const SHELL_BLOCKS = blocksOf(README).filter(({ language }) => language === "sh");

function missingTool(): string | undefined {
  if (!Bun.which("curl")) return "there is no curl";
  if (!Bun.which("openssl")) return "there is no openssl";
  const version = Bun.spawnSync(["openssl", "version"]).stdout.toString().trim();
  return Number(/^OpenSSL (\d+)\./.exec(version)?.[1] ?? 0) >= 3 ? undefined : `openssl 3 is needed, not ${version}`;
}

const missing = missingTool();
if (missing !== undefined) console.warn(`The commands of the README are not tried: ${missing}.`);

/** Runs all blocks in one shell, as a reader does in one terminal, and gives what each printed. */
async function runBlocks(directory: string, url: string): Promise<Map<string, string>> {
  const mark = (heading: string) => `printf '\\n@@ %s\\n' '${heading}'\n`;
  const script = SHELL_BLOCKS.map(({ heading, text }) => mark(heading) + text).join("\n");
  writeFileSync(join(directory, "readme.sh"), script.replaceAll("http://localhost:5000", url));
  const shell = Bun.spawn(["sh", "-eu", "readme.sh"], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? "", HOME: directory },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: SCRIPT_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
    shell.exited,
  ]);
  expect({ exitCode, stderr, stdout: exitCode === 0 ? "" : stdout }).toEqual({ exitCode: 0, stderr: "", stdout: "" });
  const parts = stdout.split(/^@@ (.+)\n/m).slice(1);
  return new Map(SHELL_BLOCKS.map((_, at) => [parts[2 * at] ?? "", parts[2 * at + 1] ?? ""]));
}

describe("the commands of the README", () => {
  test("stand under their headings, and publishing takes four", () => {
    expect(SHELL_BLOCKS.map(({ heading }) => heading)).toEqual([
      "Publish a package in four commands",
      "1. Make a key",
      "2. Sign the statement",
      "3. Publish",
      "4. Download and compare",
      "Check a signature yourself",
      "Search and fetch",
      "Yank",
      "Publish from continuous integration",
      "Publish from continuous integration",
      "Keys",
      "Take a key out",
      "Owners",
    ]);
    for (const { heading, text } of SHELL_BLOCKS.slice(1, 5)) {
      // One command ends in one line end that nothing continues.
      const ends = text.match(/(?<!\\|&&)\n/g) ?? [];
      expect({ heading, commands: ends.length }).toEqual({ heading, commands: 1 });
    }
  });

  test.skipIf(missing !== undefined && !process.env.CI)("do literally what it says", () =>
    inTemporaryDirectory(async (directory) => {
      const env = {
        PATH: process.env.PATH ?? "",
        PORT: String(await freePort()),
        HOST: "127.0.0.1",
        DATA_DIR: join(directory, "App_Data"),
      };
      const place = { command: [process.execPath, "src/main.ts"], cwd: ROOT, env };
      await whileServing(place, async (url) => {
        const printed = await runBlocks(directory, url);
        const told = (heading: string) => printed.get(heading)?.trim() ?? "";

        expect(told("Publish a package in four commands")).toContain('"username":"alice"');
        const published = JSON.parse(told("3. Publish"));
        expect(published).toMatchObject({ name: "hello", version: "0.1.0", warnings: [] });
        expect(published.signature.scheme).toBe("cpm-v1");

        const digests = told("4. Download and compare").match(/[0-9a-f]{64}/g);
        expect(digests).toEqual([published.sha256, published.sha256]);

        expect(told("Check a signature yourself")).toBe(`Signature Verified Successfully\nsha256: ${published.sha256}`);

        const found = told("Search and fetch");
        expect(found).toStartWith('{"items":[{"name":"hello"');
        expect(found).toContain('"total":1');
        expect(found).toContain("# Hello");
        expect(found).not.toContain('"code"');
        expect(found).toMatch(new RegExp(`^x-checksum-sha256: ${published.sha256}\\r?$`, "im"));

        expect(told("Yank").match(/"yanked":(true|false)/g)).toEqual(['"yanked":true', '"yanked":false']);

        expect(JSON.parse(told("Publish from continuous integration"))).toMatchObject({ version: "0.2.0" });
        expect(told("Keys").match(/"status":"active"/g)).toHaveLength(2);
        expect(told("Take a key out").match(/"status":"\w+"/g)).toEqual(['"status":"active"', '"status":"superseded"']);
        expect(told("Owners")).toContain('"package":"hello"');
        expect(told("Owners")).toMatch(/"items":\[\{"username":"alice".*"username":"bob".*"invitations":\[\]/);
        expect(told("Owners")).toContain('"kind":"owner.added"');

        const shown = await fetch(`${url}/api/packages/hello/0.1.0`);
        expect(await shown.json()).toMatchObject({ version: "0.1.0", sha256: published.sha256, yanked: false });
      });
    }),
  );
});

describe("what the documents name exists", () => {
  test.each(DOCUMENTS)("the scripts in %s", (document) => {
    const scripts = Object.keys(JSON.parse(read("package.json")).scripts);
    const named = read(document).matchAll(/\b(?:npm|bun) (?:run ([\w:]+)|(start|test)\b)/g);
    for (const [, run, short] of named) expect(scripts).toContain(run ?? short ?? "");
  });

  test("npm start and npm test come first in the README", () => {
    const start = README.indexOf("npm start");
    expect(start).toBeGreaterThan(0);
    expect(README.indexOf("npm test")).toBeGreaterThan(start);
    expect(README.indexOf("npm test")).toBeLessThan(README.indexOf("```"));
  });

  test.each(DOCUMENTS)("the commands of cpm-registry in %s, in its help", (document) => {
    const commands = [...read(document).matchAll(/`cpm-registry (\w+)(?: --[^`]*)?`/g)].map(([, command]) => command);
    for (const command of commands) expect(HELP).toMatch(new RegExp(`^  ${command} {2,}`, "m"));
  });

  test("every command of the help, in the README", () => {
    const list = /Its commands are (.+?)\./s.exec(README)?.[1] ?? "";
    const named = [...list.matchAll(/`(\w+)`/g)].map(([, command]) => command);
    const [, commands = ""] = /\nCommands\n([\s\S]*?)\n\n/.exec(HELP) ?? [];
    expect(named.sort()).toEqual([...commands.matchAll(/^ {2}(\w+)/gm)].map(([, command]) => command).sort());
  });

  test.each(DOCUMENTS)("the relative links in %s", (document) => {
    const targets = [...read(document).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target = ""]) => target);
    for (const target of targets.filter((link) => !/^[a-z]+:/.test(link))) {
      expect({ target, exists: existsSync(resolve(ROOT, dirname(document), target)) }).toEqual({
        target,
        exists: true,
      });
    }
  });
});

describe("the table of settings", () => {
  const rows = section(README, "Settings")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => ({
      line,
      names: [...(line.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    }));
  const rowOf = (name: string) => rows.find(({ names }) => names.includes(name))?.line ?? "";

  test("has every setting once, and no other", () => {
    expect(rows.flatMap(({ names }) => names).sort()).toEqual([...SETTING_NAMES].sort());
  });

  test("tells the limits of archives as they are", () => {
    const limits = DEFAULT_ARCHIVE_LIMITS;
    expect(rowOf("ARCHIVE_MAX_BYTES")).toContain(` ${limits.compressedMaxBytes} `);
    expect(rowOf("ARCHIVE_UNPACKED_MAX_BYTES")).toContain(` ${limits.unpackedMaxBytes} `);
    expect(rowOf("ARCHIVE_ENTRIES_MAX")).toContain(` ${limits.entriesMax} `);
    expect(rowOf("MANIFEST_MAX_BYTES")).toContain(` ${limits.manifestMaxBytes} `);
  });

  test("is followed by a file that can be used", () =>
    inTemporaryDirectory(async (directory) => {
      const example = blocksOf(README).find(({ language }) => language === "json");
      const file = join(directory, "config.json");
      writeFileSync(file, example?.text ?? "");
      const config = readConfig(file, { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY });
      expect(config).toMatchObject({ port: 8080, database: { kind: "postgres", connection: { host: "db" } } });
    }));
});
