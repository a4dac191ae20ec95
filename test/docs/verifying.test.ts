import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keyText } from "../../src/tlog/key-leaf.ts";
import { LEAF_MAX_BYTES } from "../../src/tlog/leaf.ts";
import { statusText } from "../../src/tlog/status-leaf.ts";
import { ROOT, readDocument } from "./documents.ts";

/* docs/verifying.md and docs/log-format.md keep up with the code. */

/** Lists the members of the union `ProblemCode`, which exists for the compiler only. */
function problemCodes(): string[] {
  const source = readFileSync(join(ROOT, "src/verify/checks.ts"), "utf8");
  const union = /export type ProblemCode =([^;]*);/.exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([a-z_]+)"/g)].map(([, code = ""]) => code).sort();
}

/** Lists the codes of the table under a heading, which are in its first column. */
function codesUnder(heading: string, markdown: string): string[] {
  const section = markdown.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const cells = section.split("\n").map((line) => /^\| (`[^|]*`) \|/.exec(line)?.[1] ?? "");
  return cells.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code = ""]) => code)).sort();
}

describe("the documents of the log", () => {
  test("verifying.md explains every code of verify and log audit, and no other", () => {
    expect(problemCodes()).toContain("forked");
    expect(codesUnder("Problems", readDocument("docs/verifying.md"))).toEqual(problemCodes());
  });

  test("log-format.md has the lines of key and status leaves", () => {
    const format = readDocument("docs/log-format.md");
    const entry = { name: "a", seq: 1, publicKey: "00", by: null, previous: "00", at: new Date(0), signatures: [] };
    const removal = { reason: "compromised", since: null } as const;
    const key = keyText({ ...entry, action: "remove", removal });
    const status = statusText({ name: "a", version: "*", seq: 1, action: "remove", reason: "legal" });
    for (const line of `${key}${status}`.trimEnd().split("\n")) {
      expect(format).toMatch(new RegExp(`^    ${RegExp.escape(line.split(" ")[0] ?? "")} `, "m"));
    }
    expect(format).toContain(`A leaf has at most ${LEAF_MAX_BYTES.toLocaleString("en")} bytes.`);
  });
});
