import { beforeAll, expect, test } from "bun:test";
import description from "../golden/openapi.json";
import { type Client, expectProblem } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";

interface Operation {
  readonly requestBody?: { readonly content: object };
}

/** Every route that reads JSON, with a value for each parameter of its path. */
const JSON_ROUTES = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>)
    .filter(([, { requestBody }]) => requestBody !== undefined && "application/json" in requestBody.content)
    .map(([method]) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, "1.0.0") })),
);

const nested = (before: string, after: string) => before.repeat(5_000) + after.repeat(5_000);
const BODIES = {
  "a nested array": nested("[", "]"),
  "a nested object": `${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`,
  "a nested array in its fields": `{"username":${nested("[", "]")},"password":1}`,
  "a nested array without end": "[".repeat(10_000),
};

onBothDatabases("JSON bodies that are nested too deeply", (registry) => {
  let admin: Client;
  beforeAll(async () => {
    admin = await newAdmin(registry());
  });

  test("exist for every part of the API that takes one", () => {
    expect(JSON_ROUTES.length).toBeGreaterThanOrEqual(14);
  });

  test.each(JSON_ROUTES)("are refused by $method $path", async ({ method, path }) => {
    for (const body of Object.values(BODIES)) {
      const answer = await admin.send(method, path, body, { "content-type": "application/json" });
      expectProblem(answer, 400, "malformed_body");
      expect(answer.body.detail).toContain("nested deeper than 32 levels");
    }
  });
});
