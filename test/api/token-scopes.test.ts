import { beforeAll, expect, test } from "bun:test";
import { createApp } from "../../src/app.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, type Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";

const ALL_SCOPES = ["read", "publish-new", "publish-update", "yank", "owners"];

onBothDatabases(
  "the scopes of an API token",
  (registry) => {
    const key = makeKey();
    const publish = (by: Client, name: string, version: string) =>
      by.publish(name, version, makePackage({ name, version }), key);

    const NAMES = ["kit", "kit-one", "kitten", "other"];
    /** The names that a pattern covers. */
    const MEANT: Readonly<Record<string, readonly string[]>> = {
      kit: ["kit"],
      "kit-*": ["kit-one"],
      "kit*": ["kit", "kit-one", "kitten"],
      "*": NAMES,
    };
    let version = 0;
    const nextVersion = () => {
      version += 1;
      return `2.${version}.0`;
    };
    let owner: Client;
    let invited: Client;

    /** The request that a scope allows, and its response with the scope. */
    const CHANGES: readonly [scope: string, change: (by: Client, name: string) => Promise<Answer>, good: number][] = [
      ["yank", (by, name) => by.send("DELETE", `/api/packages/${name}/1.0.0`, { reason: "broken" }), 200],
      ["yank", (by, name) => by.post(`/api/packages/${name}/1.0.0`), 200],
      ["yank", (by, name) => by.send("PUT", `/api/packages/${name}/status`, { status: "deprecated" }), 200],
      ["yank", (by, name) => by.send("PUT", `/api/packages/${name}/status`, { status: "active" }), 200],
      ["owners", (by, name) => by.send("PUT", `/api/packages/${name}/owners/${invited.username}`), 200],
      ["owners", (by, name) => by.send("DELETE", `/api/packages/${name}/owners/${invited.username}`), 200],
      ["publish-update", (by, name) => publish(by, name, nextVersion()), 201],
    ];

    beforeAll(async () => {
      [owner, invited] = [await newAccount(registry(), "keeper"), await newAccount(registry(), "invited")];
      for (const name of NAMES) expect((await publish(owner, name, "1.0.0")).status).toBe(201);
    });

    test.each(Object.keys(MEANT))(
      "a token for %s may do what its scopes allow, with the packages that it covers",
      async (pattern) => {
        for (const scope of ALL_SCOPES) {
          const token = await withToken(owner, [scope], [pattern]);
          for (const name of NAMES) {
            for (const [at, [needed, change, good]] of CHANGES.entries()) {
              const answer = await change(token, name);
              const may = scope === needed && (MEANT[pattern]?.includes(name) ?? false);
              const expected = may ? good : 403;
              expect([scope, name, at, answer.status]).toEqual([scope, name, at, expected]);
              if (!may) expectProblem(answer, 403, "insufficient_scope");
            }
          }
        }
      },
    );

    test.each(ALL_SCOPES)("a token with the scope %s makes new packages only if it is publish-new", async (scope) => {
      const patterns = [`new-${scope}`, `new-${scope}-*`];
      const token = await withToken(owner, [scope], patterns);
      for (const [name, isMeant] of [
        [`new-${scope}`, true],
        [`new-${scope}-more`, true],
        [`not-new-${scope}`, false],
      ] as const) {
        const answer = await publish(token, name, "1.0.0");
        if (scope === "publish-new" && isMeant) expect([name, answer.status]).toEqual([name, 201]);
        else expectProblem(answer, 403, "insufficient_scope");
      }
    });

    test("publish-new does not allow a second version, nor publish-update a first", async () => {
      const maker = await withToken(owner, ["publish-new"], ["two-*"]);
      expect((await publish(maker, "two-steps", "1.0.0")).status).toBe(201);
      expectProblem(await publish(maker, "two-steps", "1.1.0"), 403, "insufficient_scope");
      const updater = await withToken(owner, ["publish-update"], ["two-*"]);
      expect((await publish(updater, "two-steps", "1.1.0")).status).toBe(201);
      expectProblem(await publish(updater, "two-more", "1.0.0"), 403, "insufficient_scope");
      const both = await withToken(owner, ["publish-new", "publish-update"], ["two-more"]);
      expect((await publish(both, "two-more", "1.0.0")).status).toBe(201);
      expect((await publish(both, "two-more", "1.1.0")).status).toBe(201);
      expectProblem(await publish(both, "two-steps", "1.2.0"), 403, "insufficient_scope");
    });

    test("a dry run needs the same scopes", async () => {
      const reader = await withToken(owner, ["read", "yank", "owners"]);
      const fields = { archive: makePackage({ name: "kit", version: "9.0.0" }), signature: "x" };
      expectProblem(await reader.publishFields(fields, "?dryRun=true"), 403, "insufficient_scope");
    });

    test("a token of an account that is no owner changes no package, whatever its scopes", async () => {
      const token = await withToken(await newAccount(registry(), "stranger"), ALL_SCOPES);
      for (const [scope, change] of CHANGES) {
        const answer = await change(token, "kit");
        expect([scope, answer.status, answer.body.code]).toEqual([scope, 403, "not_an_owner"]);
      }
    });

    test("a refusal names the missing scope and nothing about the package", async () => {
      const answer = await publish(await withToken(owner, ["publish-new"], ["mine"]), "kit", "3.0.0");
      expectProblem(answer, 403, "insufficient_scope");
      expect(answer.body.detail).toContain("this package among its packages");
      const there = await (await withToken(owner, ["read"])).send("DELETE", "/api/packages/kit/1.0.0");
      expectProblem(there, 403, "insufficient_scope");
      expect(there.body.detail).toContain("the scope yank");
    });

    test("a token learns of no name that it does not cover, nor of another spelling without publish-new", async () => {
      expect((await publish(owner, "one_spelling", "1.0.0")).status).toBe(201);
      const stranger = await newAccount(registry(), "stranger");
      const elsewhere = await withToken(stranger, ["publish-new", "publish-update"], ["mine-*"]);
      const updater = await withToken(stranger, ["publish-update"]);
      for (const [token, names] of [
        [elsewhere, ["one_spelling", "one-spelling", "nobodys-name"]],
        [updater, ["one-spelling", "nobodys-name"]],
      ] as const) {
        const details = new Set<string>();
        for (const name of names) {
          const answer = await publish(token, name, "2.0.0");
          expectProblem(answer, 403, "insufficient_scope");
          details.add(answer.body.detail);
        }
        expect(details.size).toBe(1);
      }
      expectProblem(
        await publish(await withToken(stranger, ["publish-new"]), "one-spelling", "2.0.0"),
        409,
        "name_taken",
      );
    });

    test("a token cannot do what needs a password, whatever its scopes", async () => {
      const token = await withToken(owner, ALL_SCOPES);
      // As /swagger/json says: nothing but a session.
      const wantsSession = JSON.stringify([{ session: [] }]);
      const routes = createApp(registry().deps).routes.filter(
        ({ hooks }) => JSON.stringify(hooks.detail?.security) === wantsSession,
      );
      const asked = routes.map(({ method, path }) => `${method} ${path}`);
      for (const route of ["POST /api/auth/tokens", "DELETE /api/auth/tokens/:id", "POST /api/auth/keys"]) {
        expect(asked).toContain(route);
      }
      for (const route of ["POST /api/auth/password", "GET /api/events"]) {
        expect(asked).toContain(route);
      }
      for (const { method, path } of routes) {
        const address = path.replaceAll(/:[a-z]+/gi, "x");
        const body = method === "GET" || method === "HEAD" ? undefined : {};
        const answer = await token.send(method, address, body);
        expect([method, path, answer.status]).toEqual([method, path, 403]);
        if (method !== "HEAD") expectProblem(answer, 403, "session_required");
      }
      expect((await owner.get("/api/auth/me")).status).toBe(200);
    });
  },
  { env: { PUBLISH_LIMITS: "off" } },
);
