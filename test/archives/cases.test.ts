import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { chunked } from "../support/archive-maker.ts";

/*
 * Archives of real packers and of attackers that the registry once judged wrongly. They are beside
 * the repository; the tests of the rules build their own inputs.
 */

const CASES = join(import.meta.dir, "../../../shared/cases");
const present = existsSync(CASES);
if (!present) console.warn(`Skipped: the cases that failed once are not at ${CASES}`);

/** Returns the warnings of an accepted archive, or the messages with which it is refused. */
async function judged(name: string): Promise<string> {
  const archive = new Uint8Array(readFileSync(join(CASES, `${name}.tgz`)));
  try {
    const { warnings } = await inspectArchive(chunked(archive), DEFAULT_ARCHIVE_LIMITS);
    return ["accepted", ...warnings.map((warning) => warning.code)].join(" ");
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    return error.error.faults.map(({ code, message }) => `${code}: ${message}`).join("\n");
  }
}

describe("the archives that were judged wrongly once", () => {
  test
    .skipIf(!present)
    .each([
      "01-gnu-long-name",
      "03-git-archive",
      "05-macos-provenance-xattr",
      "07-bsdtar-xattr",
      "09-python-arcname-empty",
      "11-path-of-240-with-dot",
      "21-windows-backslash",
    ])("%s is accepted", async (name) => expect(await judged(name)).toStartWith("accepted"));

  test.skipIf(!present).each([
    ["31-plain-tar", /^not_gzip: .*a plain tar/],
    ["33-double-gzip", /^tar_truncated: .*gzip-compressed twice/],
    ["41-must-refuse-pax-path-then-long-name", /^entry_type_forbidden: entry "other.txt" .*--format=pax/],
    ["43-must-refuse-empty-long-name", /^entry_type_forbidden: entry "docs\/x.txt" .*--format=pax/],
    ["45-must-refuse-global-path", /^entry_type_forbidden: entry "colony.yaml" .*global PAX header .*"path"/],
    ["47-must-refuse-schily-realsize", /^tar_bad_pax: entry ".\/README.md" .*SCHILY.realsize.* \(and 8 more: [^\n]*$/],
  ])("%s is refused with a message that says why", async (name, message) => {
    expect(await judged(name)).toMatch(message);
  });
});
