import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { answerFault } from "../../src/client/answer-fault.ts";
import { subjectOf } from "../../src/client/problem-words.ts";
import type { RegistryError } from "../../src/errors.ts";
import { ERROR_CODES, problemResponse } from "../../src/http/problem.ts";

/* What a registry refuses, in the words of somebody who types commands. */

type Code = RegistryError["code"];

/** Members that the problems of the registry use. Each takes what it needs. */
const ANYTHING = {
  name: "hello",
  existing: "hallo",
  version: "0.1.0",
  file: "README.md",
  username: "grace",
  id: "1",
  keyId: "ab12",
  digest: "cd34",
  what: "The archive",
  needed: "publish-new",
  expected: "application/json",
  previous: "ef56",
  effectiveAt: "2026-01-01T00:00:00.000Z",
  reason: "It is so.",
  max: 5,
  size: 10,
  sizeBytes: 10,
  limitBytes: 5,
  freeBytes: 100,
  retryAfterSeconds: 30,
  allow: ["GET"],
  faults: [{ path: "/name", message: "is wrong" }],
  limit: { policy: "p", limit: 10, windowSeconds: 3_600, remaining: 0, resetSeconds: 60 },
};
/** The reasons of these codes name requests. */
const REASONS: { readonly [C in Code]?: string } = {
  unauthenticated: "Send Authorization: Bearer <token> with an API token or the token of POST /api/auth/login.",
  key_not_trusted: "This key may not sign hello. An owner can add it with POST /api/packages/hello/keys.",
};

/** Whether words begin with the name of a command. */
const isCommand = (words: string) =>
  COMMANDS.some(({ name }) => words === name || words.startsWith(`${name} `) || words.split(" ")[0] === name);

async function textOf(code: Code, hasToken: boolean): Promise<string> {
  const reason = REASONS[code] ?? ANYTHING.reason;
  const response = problemResponse({ ...ANYTHING, reason, code } as RegistryError, "request-1");
  const { status, headers } = response;
  const about = subjectOf("/api/packages/hello/0.1.0");
  const text = await response.text();
  return answerFault({ status, headers, text, url: "http://localhost", hasToken, about }).message;
}

describe("a refusal", () => {
  test.each(ERROR_CODES.map((code) => [code as Code]))("of code %s names commands, and no request", async (code) => {
    for (const hasToken of [true, false]) {
      const text = await textOf(code, hasToken);
      expect(text).not.toMatch(/\b(GET|POST|PUT|DELETE) |\/api\/|\/log\/|\/swagger|requestId|Authorization|\?\w+=/);
      expect(text).not.toMatch(/undefined|<name>|nonce| {2}/);
      for (const [, words = ""] of text.matchAll(/cpm-registry ([a-z]+(?: [a-z]+)?)/g))
        expect(isCommand(words)).toBe(true);
    }
  });

  test("that the operator has to see names the request id", async () => {
    expect(await textOf("internal", true)).toContain("request id request-1");
  });

  test("of an unknown code keeps the registry's words", () => {
    const headers = new Headers({ "content-type": "application/problem+json" });
    const text = JSON.stringify({ code: "constructor", detail: "Something new. Do this." });
    const fault = answerFault({ status: 409, headers, text, url: "http://localhost", hasToken: true, about: {} });
    expect([fault.message, fault.problem.code]).toEqual(["Something new. Do this.", "constructor"]);
  });
});

test.each([
  ["/api/packages/hello", { name: "hello" }],
  ["/api/packages/hello?cursor=x", { name: "hello" }],
  ["/api/packages/hello/keys/ab12", { name: "hello" }],
  ["/api/packages/hello/owners/grace", { name: "hello" }],
  ["/api/packages/hello/0.1.0-rc.1/files", { name: "hello", version: "0.1.0-rc.1" }],
  ["/api/packages?search=hello", {}],
  ["/api/auth/me", {}],
])("a request to %s is about the package and the version in it", (path, about) => {
  expect(subjectOf(path)).toEqual(about);
});
