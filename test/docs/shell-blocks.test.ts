import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTemporaryDirectory, whileServing } from "../binary/executable.ts";
import { TEST_METRICS_TOKEN } from "../support/metrics.ts";
import { freePort } from "../support/ports.ts";
import {
  blocksOf,
  documentBefore,
  listDocuments,
  printsWhatIsShown,
  ROOT,
  readDocument,
  type Step,
  stepsOf,
} from "./documents.ts";
import { NOT_RUN } from "./not-run.ts";

/*
 * The documents are tried as they are written. Every `sh` block runs against a registry that is
 * started as a process, all blocks of a document in one shell, as a reader runs them in one
 * terminal. A `text` or `json` block after a command is the output that a reader must see.
 */

const ADDRESS = "http://localhost:5000";
const SCRIPT_TIMEOUT_MS = 90_000;
const TEST_TIMEOUT_MS = 120_000;
/** Info strings of blocks that hold no commands. */
const OTHER_LANGUAGES = ["text", "json", "yaml", "ini", "nginx", "http", "mermaid", "js", "ts", "go", "sql"];

const RUN = listDocuments().filter((document) => stepsOf(readDocument(document)).length > 0);

function missingTool(): string | undefined {
  const missing = ["curl", "openssl"].find((tool) => !Bun.which(tool));
  if (missing !== undefined) return `there is no ${missing}`;
  const version = Bun.spawnSync(["openssl", "version"]).stdout.toString().trim();
  return Number(/^OpenSSL (\d+)\./.exec(version)?.[1] ?? 0) >= 3 ? undefined : `openssl 3 is needed, not ${version}`;
}

const missing = missingTool();
if (missing !== undefined) console.warn(`The commands of the documents are not tried: ${missing}.`);

/** Returns the steps of a document, after those of the document that it continues. */
function allSteps(document: string): Step[] {
  const before = documentBefore(document);
  return [...(before === undefined ? [] : allSteps(before)), ...stepsOf(readDocument(document))];
}

/**
 * Puts a `cpm-registry` on the path that runs this source. Its questions and notes go where the steps
 * print, as at a terminal; other programs must print nothing on standard error.
 */
function installExecutable(directory: string): string {
  const bin = join(directory, ".bin");
  mkdirSync(bin);
  const file = join(bin, "cpm-registry");
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "src/main.ts")}' "$@" 2>&3\n`);
  chmodSync(file, 0o755);
  return bin;
}

/** Runs all steps in one shell and returns what each of them printed. */
async function runSteps(steps: readonly Step[], directory: string, env: Record<string, string>, url: string) {
  const script = steps.map((step, at) => `printf '\\n@@ %s\\n' '${at}'\n${step.script}`).join("\n");
  writeFileSync(join(directory, ".steps.sh"), `exec 3>&1\n${script}`.replaceAll(ADDRESS, url));
  const shell = Bun.spawn(["sh", "-eu", ".steps.sh"], {
    cwd: directory,
    env: { ...env, PATH: `${installExecutable(directory)}:${env.PATH}`, HOME: directory },
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
  return stdout
    .replaceAll(url, ADDRESS)
    .split(/^@@ \d+\n/m)
    .slice(1);
}

/** Lists the steps whose output is not what the document shows. */
function wrongOutputs(steps: readonly Step[], printed: readonly string[]) {
  return steps.flatMap(({ heading, shown }, at) => {
    const output = printed[at] ?? "";
    return shown === undefined || printsWhatIsShown(shown, output) ? [] : [{ heading, shown, output }];
  });
}

describe("the commands of the documents", () => {
  test.skipIf(missing !== undefined && !process.env.CI).each(RUN)(
    "the commands of %s run as they are written and print what it shows",
    (document) =>
      inTemporaryDirectory(async (directory) => {
        const settings = { PORT: String(await freePort()), HOST: "127.0.0.1", METRICS_TOKEN: TEST_METRICS_TOKEN };
        const env = { PATH: process.env.PATH ?? "", ...settings };
        const command = [process.execPath, join(ROOT, "src/main.ts")];
        await whileServing({ command, cwd: directory, env }, async (url) => {
          const steps = allSteps(document);
          const printed = await runSteps(steps, directory, env, url);
          expect(printed).toHaveLength(steps.length);
          expect(wrongOutputs(steps, printed)).toEqual([]);
        });
      }),
    TEST_TIMEOUT_MS,
  );

  test.each(listDocuments())("every command of %s that does not run here is in not-run.ts", (document) => {
    const headings = blocksOf(readDocument(document))
      .filter(({ language }) => language === "shell")
      .map(({ heading }) => heading);
    expect([...new Set(headings)].sort()).toEqual(Object.keys(NOT_RUN[document] ?? {}).sort());
  });

  test("every document in not-run.ts exists, and every file that runs commands reads them by their heading", () => {
    expect(listDocuments()).toEqual(expect.arrayContaining(Object.keys(NOT_RUN)));
    for (const [heading, reason] of Object.values(NOT_RUN).flatMap((reasons) => Object.entries(reasons))) {
      if (!("runBy" in reason)) continue;
      expect(readFileSync(join(ROOT, reason.runBy), "utf8")).toContain(`"${heading}"`);
    }
  });

  test.each(listDocuments())("every block of %s has a language that says whether it runs", (document) => {
    const languages = blocksOf(readDocument(document)).map(({ language }) => language);
    const known = new Set(["sh", "shell", ...OTHER_LANGUAGES]);
    expect(languages.filter((language) => !known.has(language))).toEqual([]);
  });
});
