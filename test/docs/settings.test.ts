import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsDocument } from "../../scripts/settings-document.ts";
import { readConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { inTemporaryDirectory } from "../binary/executable.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { blocksOf, readDocument } from "./documents.ts";

const DOCUMENT = readDocument("docs/settings.md");
const KEYS = { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY };

describe("docs/settings.md", () => {
  test("docs/settings.md is what npm run generate writes from src/config/settings.ts", () => {
    expect(DOCUMENT).toBe(settingsDocument());
  });

  test("docs/settings.md has one row for every setting", () => {
    const rows = [...DOCUMENT.matchAll(/^\| `(\w+)` \| .* \| .* \| .* \|$/gm)].map(([, name]) => name ?? "");
    expect(rows.toSorted()).toEqual(Object.keys(SETTINGS).toSorted());
  });

  test("the JSON file and the environment file in docs/settings.md give the same configuration", () =>
    inTemporaryDirectory(async (directory) => {
      const blockOf = (wanted: string) => blocksOf(DOCUMENT).find(({ language }) => language === wanted)?.text ?? "";
      const file = join(directory, "settings.json");
      writeFileSync(file, blockOf("json"));
      const lines = blockOf("ini").trim().split("\n");
      const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
      const config = readConfig(undefined, { ...environment, ...KEYS });
      expect(config).toMatchObject({ port: 8080, database: { kind: "postgres" } });
      expect(Bun.inspect(readConfig(file, KEYS))).toBe(Bun.inspect(config));
    }));
});

describe("the descriptions of settings", () => {
  test.each(Object.entries(SETTINGS))(
    "the description of %s begins with a capital or a value, and ends without a full stop",
    (_, { description }) => {
      expect(description).toMatch(/^[A-Z`].*[^.]$/);
      expect(description).not.toContain("|");
    },
  );
});
