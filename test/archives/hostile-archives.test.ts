import { describe, expect, test } from "bun:test";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { chunked, makeArchive, paxEntry } from "../support/archive-maker.ts";
import { expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";
import { type HostileCase, RULES, type Rule, SOUND } from "./hostile-case.ts";
import { GZIP_CASES, LIMIT_CASES } from "./hostile-containers.ts";
import { MANIFEST_CASES } from "./hostile-manifests.ts";
import { NAME_CASES } from "./hostile-names.ts";
import { TAR_CASES } from "./hostile-tars.ts";

/*
 * Every rule for archives (docs/package-format.md) is broken alone, at least twice. The result is
 * its code and no other.
 */

const CASES: readonly HostileCase[] = [...LIMIT_CASES, ...GZIP_CASES, ...TAR_CASES, ...NAME_CASES, ...MANIFEST_CASES];

async function codesOf(archive: Uint8Array, limits: Partial<ArchiveLimits> = {}): Promise<(string | undefined)[]> {
  try {
    await inspectArchive(chunked(archive), { ...DEFAULT_ARCHIVE_LIMITS, ...limits });
    return [];
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    return error.error.faults.map((fault) => fault.code);
  }
}

/**
 * Ten members that each break a different rule, and the codes in the order in which they are found.
 */
const TEN_PROBLEMS = [
  "entry_type_forbidden",
  "tar_bad_field",
  "tar_bad_pax",
  "name_traversal",
  "name_absolute",
  "name_control_character",
  "name_windows_device",
  "name_case_conflict",
  "name_file_and_directory",
  "yaml_alias",
];

function archiveWithTenProblems(): Uint8Array {
  const others = Object.entries({ ...SOUND, "colony.yaml": `${SOUND["colony.yaml"]}license: *x\n` });
  return makeArchive([
    ...others.map(([name, content]) => ({ name, content })),
    { name: "link", type: "2", linkName: "/etc/passwd" },
    { name: "field", beforeChecksum: (header) => header.fill(0x39, 100, 107) },
    paxEntry({ linkpath: "x" }),
    { name: "pax" },
    { name: "../x" },
    { name: "/x" },
    { name: "a\u202eb" },
    { name: "nul" },
    { name: "VALUES.yaml" },
    { name: "templates" },
  ]);
}

describe("the set of hostile archives", () => {
  test("the set of hostile archives has at least sixty, and at least two for every rule", () => {
    const counts = Map.groupBy(CASES, (hostile) => hostile.rule);
    const rules = Object.keys(RULES) as Rule[];
    expect(rules.filter((rule) => (counts.get(rule)?.length ?? 0) < 2)).toEqual([]);
    expect(CASES.length).toBeGreaterThanOrEqual(60);
    expect(new Set(CASES.map(({ rule, what }) => `${rule}: ${what}`)).size).toBe(CASES.length);
  });

  test("the set of hostile archives is made from a package that breaks no rule", async () => {
    const { warnings } = await inspectArchive(chunked(makeArchive(SOUND)), DEFAULT_ARCHIVE_LIMITS);
    expect(warnings).toEqual([]);
  });
});

describe("inspectArchive refuses, with this code alone,", () => {
  for (const { rule, what, code, archive, limits } of CASES) {
    test(`${RULES[rule]} (${rule[0]}): ${what}: ${code}`, async () => {
      expect(await codesOf(archive(), limits)).toEqual([code]);
    });
  }
});

test("an archive with ten faults is refused with all ten at once", async () => {
  expect(await codesOf(archiveWithTenProblems())).toEqual(TEN_PROBLEMS);
});

const OVER_HTTP = [
  "2 one member",
  "3 links",
  "3 pax size",
  "4 traversal",
  "4 unique case",
  "5 spelled",
  "6 keys",
] as const;

onBothDatabases("a hostile archive over HTTP", (registry) => {
  const hostile = OVER_HTTP.flatMap((rule) => CASES.find((one) => one.rule === rule) ?? []);

  test.each(hostile.map((one) => [RULES[one.rule], one] as const))(
    "a hostile archive (%s) answers 422 with its code, and nothing is stored",
    async (_, one) => {
      const account = await newAccount(registry());
      const before = await tracesOf(registry());
      const answer = await account.publish("hostile", "1.0.0", one.archive(), makeKey());
      expectProblem(answer, 422, "archive_rejected");
      expect(answer.body.errors.map((error: { code: string }) => error.code)).toEqual([one.code]);
      expect(await tracesOf(registry())).toEqual(before);
    },
  );

  test("a hostile archive with ten faults answers 422 with all ten, and nothing is stored", async () => {
    const account = await newAccount(registry());
    const before = await tracesOf(registry());
    const answer = await account.publish("hostile", "1.0.0", archiveWithTenProblems(), makeKey());
    expectProblem(answer, 422, "archive_rejected");
    expect(answer.body.errors.map((error: { code: string }) => error.code)).toEqual(TEN_PROBLEMS);
    expect(await tracesOf(registry())).toEqual(before);
  });
});
