import { expect, test } from "bun:test";
import { readArchiveFile } from "../../src/archive/read-file.ts";
import { chunked, makeArchive } from "../support/archive-maker.ts";

const ON_WINDOWS = makeArchive({
  "colony.yaml": "name: windows\nversion: 1.0.0\n",
  "templates\\a.json": "{}",
  "./README.md": "# Windows\n",
});

async function textOf(path: string): Promise<string | undefined> {
  return (await readArchiveFile(chunked(ON_WINDOWS, 64), path, 1_024))?.text;
}

test("a file packed on Windows is found by the name that readers create, and by the one with slashes", async () => {
  expect(await textOf("templates\\a.json")).toBe("{}");
  expect(await textOf("templates/a.json")).toBe("{}");
});

test("a file is found without ./ before its name, and no other is", async () => {
  expect(await textOf("README.md")).toBe("# Windows\n");
  expect(await textOf("a.json")).toBeUndefined();
  expect(await textOf("templates")).toBeUndefined();
});
