import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_CODES, statusOf } from "../../src/http/problem.ts";

import { COUNTED_EVENTS } from "../../src/start/open-metrics.ts";

/* docs/operations.md must list exactly the events and answers that src/ has for an operator. */

const ROOT = join(import.meta.dir, "../..");
const PAGE = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

/** The text of src/, generated files left aside. */
function sourceText(): string {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  const sources = files.filter((path) => path.endsWith(".ts") && !path.endsWith(".gen.ts"));
  return sources.map((path) => readFileSync(join(ROOT, "src", path), "utf8")).join("\n");
}

const SOURCE = sourceText();

type Code = Parameters<typeof statusOf>[0];

const statusOfCode = (code: string) => statusOf(code as Code).status;

/**
 * Events that a logger or a database reports by name, those of health checks, and codes of answers
 * from 500 on.
 */
function loggedEvents(): string[] {
  const named = [...SOURCE.matchAll(/(?:\blogger\.(?:info|warn|error)|#report)\(\s*"([a-z_]+)"/g)].map(
    ([, event = ""]) => event,
  );
  const answered = ERROR_CODES.filter((code) => statusOfCode(code) >= 500);
  return [...new Set([...named, ...answered, "database_failing", "storage_failing"])].sort();
}

test("the operations page lists exactly the events that the registry logs", () => {
  const table = PAGE.split("| event | level | meaning |")[1]?.split("\n\n")[0] ?? "";
  const listed = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map(([, event = ""]) => event),
  );
  expect(listed.sort()).toEqual(loggedEvents());
});

test("every warning and error of the operations page has a series in the metrics from the start", () => {
  const table = PAGE.split("| event | level | meaning |")[1]?.split("\n\n")[0] ?? "";
  const rows = [...table.matchAll(/^\| (.+?) \| (.+?) \|/gm)].filter(([, , level]) => level !== "info");
  const counted = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, event = ""]) => event));
  expect(counted.sort()).toEqual([...COUNTED_EVENTS]);
});

test("the operations page names only answers that the registry gives", () => {
  const named = [...PAGE.matchAll(/\b(4\d\d|5\d\d) `([a-z_]+)`/g)].map(([, status, code = ""]) => ({ status, code }));
  for (const { status, code } of named) {
    expect(ERROR_CODES).toContain(code);
    expect({ code, status: String(statusOfCode(code)) }).toEqual({
      code,
      status: status ?? "",
    });
  }
});

test("messages that the operations page explains are in the source", () => {
  const section = PAGE.split("\n## Messages and what to do\n")[1] ?? "";
  const messages = [...section.matchAll(/^\| `([A-Zcb…][^`]*)`/gm)].map(([, message = ""]) => message);
  expect(messages.length).toBeGreaterThan(3);
  // The runtime says this one itself.
  const ours = messages.filter((message) => !message.startsWith("Failed to start server"));
  // `…` and what is in parentheses stand for other text.
  const parts = ours.flatMap((message) =>
    message.split(/…|\(.*\)/).map((part) => part.replace(/^[;: ]+|[;: ]+$/g, "")),
  );
  expect(parts.filter((part) => !SOURCE.includes(part))).toEqual([]);
});
