import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, expectProblem } from "../support/client.ts";
import { switchReadOnly } from "../support/read-only.ts";
import { type DatabaseKind, startRegistry } from "../support/registry.ts";
import { type ApiDescription, operationsOf } from "./api-description.ts";
import type { Result } from "./permission-results.ts";
import { ROLE_NAMES, ROLES, type RoleName, World } from "./permission-roles.ts";
import { type Asked, isRead, methodOf, namedRows, type Row } from "./permission-row.ts";
import { ROWS } from "./permission-rows.ts";
import { stateOf } from "./permission-state.ts";

/** Whether the address belongs to the operation: `{name}` stands for one segment. */
function isAddressOf({ operation }: Row, path: string): boolean {
  const pattern = operation
    .replace(/^\w+ /, "")
    .replaceAll(".", "\\.")
    .replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(path);
}

function expectResult(answer: Answer, result: Result, method: string): void {
  if (typeof result === "number") return;
  const [status = "", code = ""] = result.split(" ");
  if (method !== "HEAD") expectProblem(answer, Number(status), code);
}

/** The result of an answer, in the terms of the table. */
function resultOf({ status, body }: Answer, method: string, expected: Result): Result {
  if (status < 400) return status;
  if (method === "HEAD" && typeof expected === "string" && expected.startsWith(`${status} `)) return expected;
  return `${status as 400} ${body?.code}`;
}

/**
 * Sends a request in every role, first in those that are refused. Returns the results, and proves
 * that refusals changed nothing.
 */
async function askInEveryRole(world: World, row: Row, expected: Record<RoleName, Result>) {
  const { registry } = world;
  await world.renew();
  const method = methodOf(row);
  const refused = ROLE_NAMES.filter((role) => typeof expected[role] === "string");
  const allowed = ROLE_NAMES.filter((role) => typeof expected[role] === "number");
  const got: Partial<Record<RoleName, Result>> = {};
  let ask = await row.prepare(world);
  for (const [at, role] of [...refused, ...allowed].entries()) {
    // The first role that is allowed uses the target of the refused ones, so the target was valid
    // for them, too.
    if (at > refused.length && !isRead(row)) ask = await row.prepare(world);
    const asked = await ask(world.person(ROLES[role].person));
    expect([row.operation, isAddressOf(row, asked.path)]).toEqual([row.operation, true]);
    const before = at < refused.length && !isRead(row) ? await stateOf(registry, asked.path) : undefined;
    const answer = await world.as(role).send(method, asked.path, asked.body);
    got[role] = resultOf(answer, method, expected[role]);
    if (before !== undefined) expect([role, await stateOf(registry, asked.path)]).toEqual([role, before]);
    if (got[role] === expected[role]) expectResult(answer, expected[role], method);
    if (method === "GET") {
      const { status } = await world.as(role).send("HEAD", asked.path);
      expect([role, "HEAD", status]).toEqual([role, "HEAD", answer.status]);
    }
  }
  return got;
}

interface Setting {
  readonly kind: DatabaseKind;
  readonly access: "public" | "authenticated";
}

const SETTINGS: readonly Setting[] = [
  { kind: "sqlite", access: "public" },
  { kind: "sqlite", access: "authenticated" },
  { kind: "postgres", access: "public" },
  { kind: "postgres", access: "authenticated" },
];

describe.each(SETTINGS)("permissions on $kind with $access reads", ({ kind, access }) => {
  let world: World;
  let api: ApiDescription;
  /**
   * Operations that READ_ACCESS does not affect are tested once on Postgres, because the matrix is
   * long.
   */
  const rows = ROWS.filter(({ closed }) => kind === "sqlite" || access === "public" || closed !== undefined);
  const resultsOf = ({ results, closed = results }: Row) => (access === "public" ? results : closed);

  beforeAll(async () => {
    const registry = await startRegistry(kind, { env: { PUBLISH_LIMITS: "off", READ_ACCESS: access } });
    world = await World.open(registry);
    api = (await world.as("nobody").get("/swagger/json")).body;
  });
  afterAll(() => world.registry.stop());

  test("every operation has a row in the table of permissions, and every row an operation", () => {
    const described = operationsOf(api).map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(ROWS.map(({ operation }) => operation))].sort()).toEqual(described.sort());
  });

  test.each(namedRows(rows))("%s answers every role as the table says", async (_, row) => {
    const expected = resultsOf(row);
    expect(await askInEveryRole(world, row, expected)).toEqual(expected);
  });

  /** Both databases and both kinds of access, each once. */
  const isReadOnlyTested = (kind === "sqlite") !== (access === "public");
  if (isReadOnlyTested) {
    test("while the registry is read-only, every change answers read_only to every role and every read goes on", async () => {
      await world.renew();
      const asked: { row: Row; requests: (readonly [RoleName, Asked])[] }[] = [];
      // One after the other: all at once would overload the database of a busy machine.
      for (const row of rows) {
        const ask = await row.prepare(world);
        const byRole = ROLE_NAMES.map(async (role) => [role, await ask(world.person(ROLES[role].person))] as const);
        asked.push({ row, requests: await Promise.all(byRole) });
      }
      await switchReadOnly(world.registry, "it is being moved");
      for (const { row, requests } of asked) {
        const method = methodOf(row);
        const before = isRead(row) ? undefined : await stateOf(world.registry, requests[0]?.[1].path ?? "");
        for (const [role, { path, body }] of requests) {
          const expected = isRead(row) ? resultsOf(row)[role] : "503 read_only";
          const answer = await world.as(role).send(method, path, body);
          expect([row.operation, role, resultOf(answer, method, expected)]).toEqual([row.operation, role, expected]);
          if (isRead(row)) continue;
          expectProblem(answer, 503, "read_only");
          expect(answer.body.detail).toContain("it is being moved");
          expect(answer.headers.get("retry-after")).toBeNull();
        }
        if (before !== undefined) expect(await stateOf(world.registry, requests[0]?.[1].path ?? "")).toEqual(before);
      }
      await switchReadOnly(world.registry, undefined);
    });
  }

  const UNDER_V1 = (path: string) => path.replace("/api/", "/api/v1/");
  test("a guest gets under /api/v1 exactly what a guest gets under /api", async () => {
    await world.renew();
    for (const row of rows) {
      const asked: Asked = await (await row.prepare(world))(world.person("owner"));
      const method = methodOf(row);
      const answer = await world.as("nobody").send(method, UNDER_V1(asked.path), asked.body);
      const expected = resultsOf(row).nobody;
      expect([row.operation, resultOf(answer, method, expected)]).toEqual([row.operation, expected]);
    }
  });

  test("the description of an operation asks for credentials exactly if the operation does", () => {
    for (const { method, path, operation } of operationsOf(api)) {
      const rows = ROWS.filter((row) => row.operation === `${method} ${path}`);
      const isOpen = rows.some(({ results }) => results.nobody !== "401 unauthenticated");
      const { security = [] } = operation;
      const saysOpen = security.length === 0 || security.some((requirement) => Object.keys(requirement).length === 0);
      expect([method, path, saysOpen]).toEqual([method, path, isOpen]);
    }
  });

  if (access === "authenticated") {
    test("a package that a token does not cover looks as if it did not exist", async () => {
      const token = world.as("token for other names");
      const shown = ({ status, text, headers }: Answer, name: string) => [
        status,
        text.replaceAll(name, "NAME").replaceAll(headers.get("x-request-id") ?? "", "ID"),
      ];
      const hidden = rows.filter((row) => resultsOf(row)["token for other names"] === "404 package_not_found");
      expect(hidden.length).toBeGreaterThanOrEqual(13);
      for (const row of hidden) {
        const { path, body } = await (await row.prepare(world))(world.person("owner"));
        const name = path.split("/")[3] ?? "";
        const absent = "absent-000".slice(0, name.length).padEnd(name.length, "0");
        const there = await token.send(methodOf(row), path, body);
        const missing = await token.send(methodOf(row), path.replace(name, absent), body);
        expect([row.operation, shown(there, name)]).toEqual([row.operation, shown(missing, absent)]);
      }
    });
  }
});
