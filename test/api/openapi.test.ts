import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { ENTRY_NAME_MAX_BYTES } from "../../src/domain/limits.ts";
import { ERROR_CODES } from "../../src/http/problem.ts";
import { VERSION } from "../../src/runtime/version.ts";
import { Client } from "../support/client.ts";
import { startRegistry, TEST_PUBLIC_URL, type TestRegistry } from "../support/registry.ts";
import { type ApiDescription, operationsOf, type ResolvedOperation } from "./api-description.ts";

const GOLDEN = join(import.meta.dir, "../golden/openapi.json");
const ACCEPT = "UPDATE_GOLDEN=1 npm test -- test/api/openapi.test.ts";

const SCHEMES = ["session", "apiToken", "apiKey", "metricsToken"];

/** Codes that no route responds with, because they mean that there is no route. */
const WITHOUT_ROUTE = ["route_not_found", "method_not_allowed"];
/** Only forms on pages are answered with it. */
const OF_PAGES = ["form_refused"];

let registry: TestRegistry;
let text: string;
let api: ApiDescription;

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  const answer = await new Client(registry.url).get("/swagger/json");
  text = answer.text;
  api = answer.body;
});
afterAll(() => registry.stop());

/** The text of the description, one member a line. What differs between builds is replaced. */
function normalised(): string {
  const version = { ...api, info: { ...api.info, version: "VERSION" } };
  return `${JSON.stringify(version, null, 2).replaceAll(TEST_PUBLIC_URL, "PUBLIC_URL")}\n`;
}

/** The first line in which two texts differ, with the lines around it. */
function firstDifference(golden: string, now: string): string {
  const [before, after] = [golden.split("\n"), now.split("\n")];
  const at = after.findIndex((line, index) => line !== before[index]);
  const around = (lines: string[]) => lines.slice(Math.max(0, at - 3), at + 4).join("\n");
  return `line ${at + 1}, golden:\n${around(before)}\nnow:\n${around(after)}`;
}

function everyValue(value: unknown, visit: (key: string, value: unknown) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    visit(key, member);
    everyValue(member, visit);
  }
}

/** The part of a route's declaration that the description must repeat. */
interface DeclaredHooks {
  readonly session?: boolean;
  readonly query?: { readonly properties?: Readonly<Record<string, unknown>> };
}

/** The app's routes by method and address, as OpenAPI spells them, without pages for people. */
function routes() {
  return createApp(registry.deps)
    .routes.filter(
      ({ method, path, hooks }) =>
        method !== "OPTIONS" && hooks.detail?.hide !== true && !/^\/(?:swagger|api\/v1)(?:\/|$)/.test(path),
    )
    .map(({ method, path, hooks }) => ({
      key: `${method} ${path
        .replaceAll(/:([A-Za-z]+)/g, "{$1}")
        .replace("/tile/*", "/tile/{tile}")
        .replace("/*", "/{path}")}`,
      hooks: hooks as DeclaredHooks,
    }));
}

function described(): Map<string, ResolvedOperation> {
  return new Map(operationsOf(api).map(({ method, path, operation }) => [`${method} ${path}`, operation]));
}

describe("the API description", () => {
  test("equals the golden file", async () => {
    if (process.env.UPDATE_GOLDEN === "1") await Bun.write(GOLDEN, normalised());
    const golden = await Bun.file(GOLDEN).text();
    if (golden !== normalised()) {
      throw new Error(
        `/swagger/json is not test/golden/openapi.json. If the API was meant to change, run ${ACCEPT} and ` +
          `commit the file. First difference: ${firstDifference(golden, normalised())}`,
      );
    }
  });

  test("is the same from every server in a process, although Elysia writes into schemas", async () => {
    for (const _ of [1, 2, 3]) {
      const app = createApp(registry.deps);
      const request = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
      await app.fetch(new Request("http://localhost/api/auth/register", request));
      expect(await (await app.fetch(new Request("http://localhost/swagger/json"))).text()).toBe(text);
    }
  });

  test("has the version and the address of the registry", () => {
    expect([api.openapi, api.info.version, api.servers]).toEqual(["3.0.3", VERSION, [{ url: TEST_PUBLIC_URL }]]);
  });

  test("has every route of the server and no other", () => {
    const known = routes().map(({ key }) => key);
    const head = "HEAD /api/packages/{name}/{version}/download";
    expect([...described().keys()].sort()).toEqual([...new Set(known), head].sort());
    expect(known.length).toBeGreaterThan(15);
  });

  test("does not repeat the routes under /api/v1, which are the same", () => {
    const all = createApp(registry.deps).routes.map(({ method, path }) => `${method} ${path}`);
    const plain = all.filter((route) => / \/api\/(?!v1\/)/.test(route));
    expect(all.filter((route) => route.includes(" /api/v1/")).map((route) => route.replace("/v1", ""))).toEqual(plain);
    expect(text).not.toContain('"/api/v1');
  });

  test("has a component for every reference, and no unused component", () => {
    const used = new Set<string>();
    everyValue(api, (key, value) => {
      if (key === "$ref") used.add(String(value));
    });
    const { schemas, responses } = api.components;
    const known = Object.entries({ schemas, responses }).flatMap(([kind, named]) =>
      Object.keys(named).map((name) => `#/components/${kind}/${name}`),
    );
    expect([...used].sort()).toEqual(known.sort());
  });

  test("uses no keyword that OpenAPI 3.0 lacks, and no empty value", () => {
    everyValue(api.components.schemas, (key, value) => {
      expect(["const", "error", "examples", "patternProperties", "$id", "$schema"]).not.toContain(key);
      expect(Array.isArray(value) && value.length === 0).toBe(false);
    });
    for (const { operation } of operationsOf(api)) {
      everyValue(operation, (key, value) => {
        expect(["const", "error", "examples", "patternProperties"]).not.toContain(key);
        if (![...SCHEMES, "security"].includes(key)) expect(Array.isArray(value) && value.length === 0).toBe(false);
      });
    }
    expect(text).not.toMatch(/undefined|\[object|NaN/);
  });

  test("gives every operation a summary, a unique name, a known tag and a response of 2xx and 4xx", () => {
    const operations = operationsOf(api).map(({ operation }) => operation);
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = api.tags.map(({ name }) => name);
    for (const { operationId, summary, responses, tags: [tag, ...others] = [] } of operations) {
      expect([operationId, tags.includes(tag ?? ""), others]).toEqual([operationId, true, []]);
      expect([operationId, Object.keys(responses).some((status) => /^4\d\d$/.test(status))]).toEqual([
        operationId,
        true,
      ]);
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(summary).toMatch(/^.{5,100}$/);
      expect(Object.keys(responses).some((status) => /^2\d\d$/.test(status))).toBe(true);
      for (const { description } of Object.values(responses)) expect(description).not.toBe("");
    }
  });

  test("describes every failure as a Problem", () => {
    const Problem = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
    for (const { method, path, operation } of operationsOf(api)) {
      for (const [status, { content, description }] of Object.entries(operation.responses)) {
        // An unhealthy server responds with its health. HEAD and ambiguous requests get no body.
        if (Number(status) < 400 || method === "HEAD" || (path.startsWith("/health") && status === "503")) continue;
        if (content === undefined && status === "400") continue;
        expect([path, status, content]).toEqual([path, status, Problem]);
        expect(description).toMatch(/^`[a-z_]+`: /);
      }
    }
  });

  test("names every problem code, in responses and as the enum of Problem.code", () => {
    const answers = operationsOf(api).flatMap(({ operation }) => Object.values(operation.responses));
    const named = new Set(
      answers.flatMap(({ description }) => [...description.matchAll(/`([a-z_]+)`: /g)].map(([, code]) => code)),
    );
    expect([...named].sort()).toEqual(
      ERROR_CODES.filter((code) => ![...WITHOUT_ROUTE, ...OF_PAGES].includes(code)).sort(),
    );
    expect(api.components.schemas.Problem?.properties?.code?.enum).toEqual(ERROR_CODES);
    for (const code of WITHOUT_ROUTE) expect(text).toContain(`\`${code}\``);
  });

  test("does not repeat problem responses in operations", () => {
    for (const [path, item] of Object.entries(api.paths)) {
      for (const [method, { responses }] of Object.entries(item)) {
        const repeated = Object.values(responses).filter((response) =>
          JSON.stringify(response).includes("problem+json"),
        );
        expect([method, path, repeated]).toEqual([method, path, []]);
      }
    }
  });

  test("describes every parameter with its limits", () => {
    for (const { path, operation } of operationsOf(api)) {
      const parameters = operation.parameters ?? [];
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `{${name}}`);
      expect(inPath).toEqual(path.match(/\{[a-zA-Z]+\}/g) ?? []);
      for (const { in: place, name, description, required, schema } of parameters) {
        expect([name, description === undefined || description.length < 5]).toEqual([name, false]);
        expect([name, required]).toEqual([name, place === "path"]);
        expect([name, schema.type]).toEqual([name, expect.stringMatching(/^(?:string|integer|boolean)$/)]);
        if (place === "path") {
          expect(schema.minLength).toBeGreaterThan(0);
          expect(schema.maxLength).toBeLessThanOrEqual(name === "path" ? ENTRY_NAME_MAX_BYTES : 64);
        }
        if (schema.type === "integer") {
          expect([name, schema.minimum, typeof schema.maximum]).toEqual([
            name,
            ["after", "from", "to"].includes(name) ? 0 : 1,
            "number",
          ]);
        }
      }
    }
    for (const { key, hooks } of routes()) {
      const parameters = described().get(key)?.parameters ?? [];
      const inQuery = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
      expect([key, inQuery]).toEqual([key, Object.keys(hooks.query?.properties ?? {})]);
    }
    const { sort } = Object.fromEntries(
      (described().get("GET /api/packages")?.parameters ?? []).map(({ name, schema }) => [name, schema]),
    );
    expect(sort?.enum).toEqual(["relevance", "downloads", "updated", "name"]);
  });

  test("has security requirements for exactly the operations that need a credential", async () => {
    expect(Object.keys(api.components.securitySchemes)).toEqual(SCHEMES);
    for (const { method, path, operation } of operationsOf(api)) {
      const answer = await fetch(registry.url + path.replaceAll(/[{}]/g, ""), { method });
      const { security } = operation;
      expect([method, path, security]).toEqual([method, path, expect.any(Array)]);
      const isPublic = security === undefined || security.length === 0;
      const guarded = !isPublic && security.every((way) => Object.keys(way).length > 0);
      // A signature by a key of the package needs no account. Without one, only an owner may
      // cancel.
      const lacksSignature = operation.operationId === "cancelPackageKeyReset";
      expect([method, path, answer.status === 401]).toEqual([method, path, guarded || lacksSignature]);
      // With READ_ACCESS=authenticated, routes for readers respond so too.
      if (!isPublic) expect(operation.responses[401]?.description).toContain("`unauthenticated`");
    }
  });

  test("describes request bodies with the media type that the server accepts", () => {
    const bodies = Object.fromEntries(
      operationsOf(api).flatMap(({ operation: { operationId, requestBody } }) =>
        requestBody === undefined
          ? []
          : [[operationId, [Object.keys(requestBody.content).join(), requestBody.required]]],
      ),
    );
    expect(bodies).toEqual({
      createWebhook: ["application/json", true],
      registerAccount: ["application/json", true],
      logIn: ["application/json", true],
      logOut: ["application/json", false],
      changePassword: ["application/json", true],
      resetPassword: ["application/json", true],
      publishVersion: ["multipart/form-data", true],
      yankVersion: ["application/json", false],
      setPackageStatus: ["application/json", true],
      createToken: ["application/json", true],
      createPublisherToken: ["application/json", false],
      challengeKey: ["application/json", true],
      registerKey: ["application/json", true],
      addPackageKey: ["application/json", true],
      removePackageKey: ["application/json", true],
      resetPackageKeys: ["application/json", true],
      cancelPackageKeyReset: ["application/json", false],
      removeOwner: ["application/json", false],
      quarantinePackage: ["application/json", true],
      quarantineVersion: ["application/json", true],
    });
    const form = described().get("POST /api/packages")?.requestBody?.content["multipart/form-data"]?.schema;
    expect(form?.properties?.archive).toMatchObject({ type: "string", format: "binary" });
    expect(form?.required).toEqual(["archive", "signature"]);
  });
});
