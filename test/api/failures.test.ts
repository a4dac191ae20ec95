import { expect, test } from "bun:test";
import { failure } from "../../src/errors.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { Client, expectProblem } from "../support/client.ts";
import { startRegistry } from "../support/registry.ts";

/** Starts a registry whose reads fail with `cause`, and collects what it logs. */
async function failingRegistry(cause: Error) {
  const lines: string[] = [];
  const registry = await startRegistry("sqlite", {
    override: ({ db, clock }) => ({
      logger: createLogger("warn", clock, (line) => lines.push(line)),
      db: { ...db, read: () => Promise.reject(cause) },
    }),
  });
  return { registry, logged: () => lines.map((line) => JSON.parse(line)) };
}

test("a request answers a retryable 503 while the database is away, and logs one warning with its id", async () => {
  const { registry, logged } = await failingRegistry(failure({ code: "database_unavailable", retryAfterSeconds: 1 }));
  try {
    const answer = await new Client(registry.url).get("/api/packages/any");
    expectProblem(answer, 503, "database_unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(logged()).toEqual([
      { time: expect.any(String), level: "warn", event: "database_unavailable", requestId: answer.body.requestId },
    ]);
  } finally {
    await registry.stop();
  }
});

test("an unexpected error answers a 500 without details, and is logged once without its message", async () => {
  const { registry, logged } = await failingRegistry(new Error("insert failed: $argon2id$a@b\n    at $argon2id$c"));
  try {
    const answer = await new Client(registry.url).get("/api/packages/any");
    expectProblem(answer, 500, "internal");
    const lines = logged();
    expect(lines).toHaveLength(1);
    expect([lines[0].level, lines[0].event, lines[0].requestId]).toEqual(["error", "internal", answer.body.requestId]);
    expect(lines[0].at).toContain("failures.test.ts");
    expect(JSON.stringify(lines) + answer.text).not.toContain("argon2id");
  } finally {
    await registry.stop();
  }
});
