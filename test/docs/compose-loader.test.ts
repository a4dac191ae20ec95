import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { goMissing, runProgram } from "../support/go-program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { DECIDED_BY_COMPOSE } from "./compose-settings.ts";
import { ROOT } from "./documents.ts";

/* compose.yaml is read by the library with which Docker Compose reads it. */

const SOURCE = join(import.meta.dir, "compose");
const BUILD_TIMEOUT_MS = 240_000;
const missing = await goMissing(SOURCE);
if (missing !== undefined) console.warn(`Skipped: compose.yaml is not read as Docker Compose reads it: ${missing}`);

interface Project {
  readonly services: Readonly<Record<string, { readonly environment: Readonly<Record<string, string>> }>>;
}

describe.skipIf(missing !== undefined)("compose.yaml as Docker Compose reads it", () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpm-compose-"));
    const build = await runProgram(["go", "build", "-mod=readonly", "-o", join(directory, "compose"), "."], SOURCE);
    expect(build).toEqual({ status: 0, output: "" });
  }, BUILD_TIMEOUT_MS);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Reads it with these lines in `.env`. Nothing else of the environment can set anything. */
  function read(settings: Readonly<Record<string, string>>) {
    const file = join(directory, ".env");
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name}='${value}'\n`)
        .join(""),
    );
    return runProgram([join(directory, "compose"), join(ROOT, "compose.yaml"), file], directory);
  }

  /** The environment of the registry. */
  async function environmentWith(settings: Readonly<Record<string, string>>) {
    const { status, output } = await read(settings);
    expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
    const project: Project = JSON.parse(output);
    return project.services.registry?.environment ?? {};
  }

  const required = { POSTGRES_PASSWORD: "secret", JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY };

  test("passes every setting of .env to the registry unchanged, whatever characters it has", async () => {
    const names = Object.keys(SETTINGS).filter((name) => !(name in DECIDED_BY_COMPOSE));
    const set = Object.fromEntries(names.map((name) => [name, `${name}: a "b" $HOME \${HOME} # c+/=`]));
    const passed = await environmentWith({ ...set, POSTGRES_PASSWORD: "secret" });
    expect(passed).toEqual({ ...set, DATABASE_URL: "postgres://cpm:secret@postgres:5432/cpm" });
  });

  test("gives every setting that .env leaves out its default", async () => {
    const { DATABASE_URL = "", ...passed } = await environmentWith(required);
    const { POSTGRES_PASSWORD: _, ...keys } = required;
    const config = readConfig(undefined, { ...keys, DATABASE_URL, PUBLIC_URL: "http://localhost:5000" });
    expect(readConfig(undefined, { ...passed, DATABASE_URL })).toEqual(config);
    expect(config.database.kind).toBe("postgres");
  });

  test.each(Object.keys(required))("is refused without %s", async (name) => {
    const { status, output } = await read({ ...required, [name]: "" });
    expect([status, output]).toEqual([1, expect.stringContaining(`${name}`)]);
    expect(output).toContain("set it in .env");
  });
});
