import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { chunked } from "../support/archive-maker.ts";
import { addAttributes, filesOf, giveAway, makeFolder } from "./oracle/folders.ts";
import { findPackers } from "./oracle/packers.ts";
import { gnuTar, pythonPath } from "./oracle/programs.ts";
import { openReaders } from "./oracle/readers.ts";

/*
 * The registry accepts what honest packers write, and lists the files that Go, Python, GNU tar and
 * bsdtar unpack. A packer that is not on this machine is skipped.
 */

const MEMORY = "/dev/shm";
const PACKAGE_FORMAT = join(import.meta.dir, "../../docs/package-format.md");

const scratch = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "packers-"));
const { packings, missing } = await findPackers(scratch);
const { readers, missing: missingReaders } = await openReaders(scratch);
for (const packer of missing) console.warn(`Skipped: ${packer} is not on this machine, so it does not pack`);
for (const reader of missingReaders) console.warn(`Skipped: ${reader} is not on this machine, so it is not asked`);
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("Skipped: only root can give files to a user with a large id");

afterAll(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  rmSync(scratch, { recursive: true, force: true });
});

/** Expects that the registry and every reader see the files of the folder in the archive. */
async function expectReadAlike(archive: Uint8Array, folder: string): Promise<void> {
  const files = filesOf(folder);
  const inspection = await inspectArchive(chunked(archive), DEFAULT_ARCHIVE_LIMITS);
  expect(inspection.files.map(({ path, size, sha256 }) => `${path} ${size} ${sha256}`).sort()).toEqual(files);
  expect(inspection.warnings).toEqual([]);
  const path = join(scratch, "archive.tar.gz");
  await writeFile(path, archive);
  for (const reader of readers) expect([reader.name, await reader.read(path)]).toEqual([reader.name, { files }]);
}

describe("an archive of usual files", () => {
  test.each(packings.map((packing) => [packing.packer, packing.form, packing] as const))(
    "by %s (%s) is accepted, and every reader unpacks it alike",
    async (_packer, _form, { cannot, pack }) => {
      const folder = makeFolder(scratch, cannot);
      await expectReadAlike(new Uint8Array(gzipSync(pack(folder))), folder);
    },
  );
});

describe("an archive of a user whose id is above 2097151", () => {
  const able = packings.filter(({ cannot }) => !cannot.includes("large owners"));

  test.skipIf(!isRoot).each(able.map((packing) => [packing.packer, packing.form, packing] as const))(
    "by %s (%s) is accepted, and every reader unpacks it alike",
    async (_packer, _form, { pack }) => {
      const folder = makeFolder(scratch);
      giveAway(folder);
      await expectReadAlike(new Uint8Array(gzipSync(pack(folder))), folder);
    },
  );
});

describe("an archive of files with extended attributes", () => {
  const python = pythonPath();
  const folder = makeFolder(scratch);
  const hasAttributes = python !== null && addAttributes(folder, python);
  if (!hasAttributes) console.warn(`Skipped: files in ${scratch} cannot have extended attributes`);
  const able = packings.filter(({ form }) => form.startsWith("pax"));

  test.skipIf(!hasAttributes).each(able.map((packing) => [packing.packer, packing.form, packing] as const))(
    "by %s (%s) is accepted, and every reader unpacks it alike",
    async (_packer, _form, { pack }) => {
      await expectReadAlike(new Uint8Array(gzipSync(pack(folder))), folder);
    },
  );
});

describe("the tar command of docs/package-format.md", () => {
  const command = /`(tar -czf (\S+) -C (\S+) \.)`/.exec(readFileSync(PACKAGE_FORMAT, "utf8"));

  test.skipIf(gnuTar() === undefined)(
    "packs a path of more than 100 bytes, and files of a user with a large id, so that they are accepted",
    async () => {
      const [, line = "", archive = "", name = ""] = command ?? [];
      const folder = join(scratch, name);
      renameSync(makeFolder(scratch), folder);
      if (isRoot) giveAway(folder);
      const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", line], { cwd: scratch });
      expect([exitCode, stderr.toString()]).toEqual([0, ""]);
      await expectReadAlike(new Uint8Array(readFileSync(join(scratch, archive))), folder);
    },
  );
});
