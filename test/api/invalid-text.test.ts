import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";

/*
 * Bytes that decode to no text: invalid UTF-8 in an address, and half a surrogate pair in a body.
 */

onBothDatabases("invalid text", (registry) => {
  let alice: Client;
  let admin: Client;

  beforeAll(async () => {
    [alice, admin] = [await newAccount(registry(), "texts"), await newAdmin(registry())];
    const archive = makePackage({ name: "texts", version: "1.0.0" });
    expect((await alice.publish("texts", "1.0.0", archive, makeKey())).status).toBe(201);
  });

  const ADDRESSES: readonly [method: string, path: string, status: number, code: string][] = [
    ["PUT", "/api/packages/texts/owners/%ff", 404, "user_not_found"],
    ["DELETE", "/api/packages/texts/owners/%ff", 404, "user_not_found"],
    ["DELETE", "/api/auth/tokens/%ff", 404, "token_not_found"],
    ["DELETE", "/api/auth/keys/%ff", 404, "key_not_found"],
    ["GET", "/api/packages/%ff", 404, "package_not_found"],
    ["GET", "/api/packages/texts/%ff", 404, "version_not_found"],
    ["DELETE", "/api/packages/texts/%ff", 404, "version_not_found"],
    ["GET", "/api/packages/%ff/owners", 404, "package_not_found"],
    ["GET", "/api/packages/%ff/events", 404, "package_not_found"],
  ];
  test.each(ADDRESSES)("invalid UTF-8 in an address names nothing: %s %s", async (method, path, status, code) => {
    expectProblem(await alice.send(method, path), status, code);
  });

  test("invalid UTF-8 in an address is no name that an administrator could allow", async () => {
    expectProblem(await admin.send("PUT", "/api/admin/allowed-names/%ff"), 422, "validation_failed");
  });

  const HALF = "x\\ud800";
  const BODIES: readonly [method: string, path: string, body: string][] = [
    ["POST", "/api/auth/tokens", `{"label":"${HALF}","scopes":["read"]}`],
    ["POST", "/api/auth/tokens", `{"label":"x","scopes":["read"],"${HALF}":1}`],
    ["PUT", "/api/packages/texts/quarantine", `{"reason":"${HALF}"}`],
    ["PUT", "/api/packages/texts/status", `{"status":"deprecated","message":"${HALF}"}`],
  ];
  test.each(BODIES)("half a surrogate pair in a body is refused as malformed: %s %s %s", async (method, path, body) => {
    const answer = await (path.endsWith("quarantine") ? admin : alice).send(method, path, new Blob([body]), {
      "content-type": "application/json",
    });
    expectProblem(answer, 400, "malformed_body");
  });
});
