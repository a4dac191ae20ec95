import { beforeAll, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, makeKey, newAccount, PASSWORD, signMessage, statementOf } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newResetLink } from "../support/reset-links.ts";
import { newAdmin } from "../support/roles.ts";
import { type ApiDescription, differences } from "./api-description.ts";

const MANIFEST = `apiVersion: v1
name: full
version: 1.0.0
description: Every field
maintainers: [{ name: Ada, email: ada@example.org, url: https://example.org }, { name: Bob }]
dependencies: [{ name: other, version: ^1.0.0 }]
conditions: { colonyOSVersion: ">=1.0.0", architecture: amd64 }
inputs:
  - { key: replicas, label: Replicas, type: number, description: How many, required: true, default: 2, options: [1, 2] }
  - { key: mode, required: false }
tags: [demo, full]
license: MIT
homepage: https://example.org
repository: https://example.org/full
`;

const VERSION_PATH = "/api/packages/{name}/{version}";

onBothDatabases("responses and the API description", (registry) => {
  let api: ApiDescription;
  let alice: Client;
  const key = makeKey();

  const expectDescribed = (method: string, path: string, answer: Answer, status: number) => {
    expect([path, answer.status, differences(api, method, path, answer)]).toEqual([path, status, []]);
  };

  const publish = (name: string, version: string, manifest?: string) =>
    alice.publish(
      name,
      version,
      makePackage({ name, version, tags: ["demo"], ...(manifest === undefined ? {} : { manifest }) }),
      key,
    );

  beforeAll(async () => {
    api = (await new Client(registry().url).get("/swagger/json")).body;
    alice = await newAccount(registry(), "described");
    expectDescribed("POST", "/api/packages", await publish("full", "1.0.0", MANIFEST), 201);
    expectDescribed("POST", "/api/packages", await publish("plain", "1.0.0-rc.1"), 201);
  });

  test("the comparison reports an extra property, a missing one, one of another type and an undescribed status", async () => {
    const answer = await alice.get("/api/packages/full/1.0.0");
    const { size, ...less } = answer.body;
    const found = (change: Partial<Answer>) => differences(api, "GET", VERSION_PATH, { ...answer, ...change });
    expect(found({})).toEqual([]);
    expect(found({ body: { ...answer.body, internal: 1 } })[0]).toStartWith("/internal: Unexpected property");
    expect(found({ body: less })[0]).toStartWith("/size: Expected required property");
    expect(found({ body: { ...less, size: String(size) } })[0]).toStartWith("/size: Expected integer");
    expect(found({ body: { ...answer.body, publishedAt: "yesterday" } })[0]).toStartWith("/publishedAt: ");
    expect(found({ status: 418 })[0]).toContain("does not describe 418");
    expect(found({ headers: new Headers() })).toHaveLength(2);
  });

  test("responses of health match their description", async () => {
    for (const path of ["/health", "/health/ready", "/health/live"]) {
      expectDescribed("GET", path, await alice.get(path), 200);
    }
  });

  test("responses of accounts and sessions match their description", async () => {
    const guest = new Client(registry().url);
    const form = { username: "plainly", email: "plainly@example.org", password: PASSWORD };
    const paths = { register: "/api/auth/register", login: "/api/auth/login", password: "/api/auth/password" };
    expectDescribed("POST", paths.register, await guest.post(paths.register, form), 201);
    expectDescribed("POST", paths.register, await guest.post(paths.register, form), 409);
    expectDescribed("POST", paths.register, await guest.post(paths.register, { username: " " }), 422);
    const login = await guest.post(paths.login, form);
    expectDescribed("POST", paths.login, login, 200);
    expectDescribed("POST", paths.login, await guest.post(paths.login, { ...form, password: "wrong" }), 401);
    expectDescribed("POST", paths.login, await guest.post(paths.login, new Blob(["{"], { type: "text/plain" })), 415);
    const json = { "content-type": "application/json" };
    expectDescribed("POST", paths.login, await guest.post(paths.login, new Blob(["{"]), json), 400);
    expectDescribed("POST", paths.login, await guest.post(paths.login, new Blob([" ".repeat(100_000)]), json), 413);
    const user = new Client(registry().url, login.body.token);
    const token = await newResetLink(registry(), (await newAccount(registry())).username);
    const reset = { token, password: PASSWORD };
    for (const status of [200, 403])
      expectDescribed("POST", "/api/auth/reset", await guest.post("/api/auth/reset", reset), status);
    expectDescribed("GET", "/api/auth/me", await user.get("/api/auth/me"), 200);
    expectDescribed("GET", "/api/auth/me", await guest.get("/api/auth/me"), 401);
    const change = { currentPassword: PASSWORD, newPassword: `${PASSWORD} 2` };
    expectDescribed("POST", paths.password, await user.post(paths.password, change), 204);
    expectDescribed("POST", "/api/auth/logout", await user.post("/api/auth/logout"), 204);
    expectDescribed("POST", "/api/auth/logout", await user.post("/api/auth/logout"), 401);
  });

  test("responses of lists, packages and versions match their description", async () => {
    const list = await alice.get("/api/packages?search=full&pageSize=1");
    expectDescribed("GET", "/api/packages", list, 200);
    expect(list.headers.get("link")).toContain('rel="first"');
    expectDescribed("GET", "/api/packages", await alice.get("/api/packages?search=nothing-is-called-so"), 200);
    expectDescribed("GET", "/api/packages", await alice.get("/api/packages?page=0"), 422);
    for (const name of ["full", "plain"]) {
      expectDescribed("GET", "/api/packages/{name}", await alice.get(`/api/packages/${name}`), 200);
    }
    const full = await alice.get("/api/packages/full/latest");
    expectDescribed("GET", VERSION_PATH, full, 200);
    expect(full.body).toMatchObject({
      license: "MIT",
      inputs: [{ default: 2, options: ["1", "2"] }, { key: "mode" }],
    });
    const same = await alice.get("/api/packages/full/latest", { "if-none-match": full.headers.get("etag") ?? "" });
    expectDescribed("GET", VERSION_PATH, same, 304);
    expectDescribed("GET", VERSION_PATH, await alice.get("/api/packages/plain/latest"), 404);
    expectDescribed("GET", "/api/packages/{name}", await alice.get("/api/packages/none"), 404);
  });

  test("responses of the contents of a version match their description", async () => {
    for (const part of ["signature", "files", "readme", "manifest", "values"]) {
      const path = `${VERSION_PATH}/${part}`;
      expectDescribed("GET", path, await alice.get(`/api/packages/full/1.0.0/${part}`), 200);
      expectDescribed("GET", path, await alice.get(`/api/packages/full/2.0.0/${part}`), 404);
    }
  });

  test("responses of a signature without a statement match their description", async () => {
    const archive = makePackage({ name: "legacy", version: "1.0.0" });
    await alice.publishFields({ archive, signature: signMessage(key, archive), publicKey: key.publicHex });
    const answer = await alice.get("/api/packages/legacy/1.0.0/signature");
    expectDescribed("GET", `${VERSION_PATH}/signature`, answer, 200);
    expect([answer.body.scheme, answer.body.statement]).toEqual(["ed25519-archive", null]);
  });

  test("responses of downloads: whole, in part, unchanged, and headers only match their description", async () => {
    const path = `${VERSION_PATH}/download`;
    const url = "/api/packages/full/1.0.0/download";
    const whole = await alice.get(url);
    expectDescribed("GET", path, whole, 200);
    expectDescribed("HEAD", path, await alice.send("HEAD", url), 200);
    expectDescribed("GET", path, await alice.get(url, { range: "bytes=0-9" }), 206);
    expectDescribed("GET", path, await alice.get(url, { range: "bytes=99999999-" }), 416);
    expectDescribed("GET", path, await alice.get(url, { "if-none-match": whole.headers.get("etag") ?? "" }), 304);
    expectDescribed("GET", path, await alice.get("/api/packages/full/9.0.0/download"), 404);
  });

  test("responses of publishing match their description", async () => {
    const answers = {
      again: [200, await publish("full", "1.0.0", MANIFEST)],
      other: [409, await publish("full", "1.0.0")],
      taken: [409, await publish("full", "1.0.0", MANIFEST.replace("Every field", "Other"))],
      forged: [400, await alice.publish("forged", "1.0.1", makePackage({ name: "forged", version: "1.0.0" }), key)],
      rejected: [422, await publish("rejected", "1.0.0", "name: [")],
      incomplete: [422, await alice.publishFields({ signature: "x" })],
      notAForm: [415, await alice.post("/api/packages", { name: "x" })],
      stranger: [403, await (await newAccount(registry())).publish("full", "1.0.1", fullAgain(), key)],
      guest: [401, await new Client(registry().url).publish("full", "1.0.0", fullAgain(), key)],
    } as const;
    for (const [status, answer] of Object.values(answers)) expectDescribed("POST", "/api/packages", answer, status);
  });

  test("responses of dry runs match their description", async () => {
    const archive = makePackage({ name: "dry", version: "1.0.0" });
    const signature = signMessage(key, statementOf("dry", "1.0.0", archive));
    const dry = await alice.publishFields({ archive, signature, publicKey: key.publicHex }, "?dryRun=true");
    expectDescribed("POST", "/api/packages", dry, 200);
  });

  test("responses of yanking and unyanking match their description", async () => {
    await publish("yanked", "1.0.0");
    const url = "/api/packages/yanked/1.0.0";
    expectDescribed("DELETE", VERSION_PATH, await alice.send("DELETE", url, { reason: "broken", message: "x" }), 200);
    expectDescribed("GET", "/api/packages/{name}", await alice.get("/api/packages/yanked"), 200);
    expectDescribed("DELETE", VERSION_PATH, await alice.send("DELETE", url), 200);
    expectDescribed("POST", VERSION_PATH, await alice.post(url), 200);
    expectDescribed("DELETE", VERSION_PATH, await alice.send("DELETE", url, { reason: "x".repeat(201) }), 422);
    const stranger = await newAccount(registry());
    expectDescribed("DELETE", VERSION_PATH, await stranger.send("DELETE", url), 403);
    expectDescribed("POST", VERSION_PATH, await stranger.post(url), 403);
    expectDescribed("POST", VERSION_PATH, await alice.post("/api/packages/yanked/3.0.0"), 404);
  });

  test("responses of the status of a package match their description", async () => {
    await publish("stated", "1.0.0");
    const [path, url] = ["/api/packages/{name}/status", "/api/packages/stated/status"];
    const said = { status: "deprecated", message: "Use full.", replacement: "full" };
    expectDescribed("PUT", path, await alice.send("PUT", url, said), 200);
    expectDescribed("GET", "/api/packages", await alice.get("/api/packages?search=stated"), 200);
    expectDescribed("PUT", path, await alice.send("PUT", url, { status: "lost" }), 422);
    expectDescribed("PUT", path, await (await newAccount(registry())).send("PUT", url, said), 403);
    expectDescribed("PUT", path, await alice.send("PUT", "/api/packages/none/status", said), 404);
  });

  test("responses of owners and invitations match their description", async () => {
    await publish("owned", "1.0.0");
    const bob = await newAccount(registry(), "invited");
    const [path, url] = ["/api/packages/{name}/owners/{username}", `/api/packages/owned/owners/${bob.username}`];
    expectDescribed("PUT", path, await bob.send("PUT", url), 403);
    expectDescribed("PUT", path, await alice.send("PUT", url), 200);
    const list = await alice.get("/api/packages/owned/owners");
    expectDescribed("GET", "/api/packages/{name}/owners", list, 200);
    const same = await alice.get("/api/packages/owned/owners", { "if-none-match": list.headers.get("etag") ?? "" });
    expectDescribed("GET", "/api/packages/{name}/owners", same, 304);
    expectDescribed("GET", "/api/packages/{name}/owners", await alice.get("/api/packages/none/owners"), 404);
    expectDescribed("GET", "/api/auth/invitations", await bob.get("/api/auth/invitations"), 200);
    expectDescribed("GET", "/api/auth/packages", await alice.get("/api/auth/packages?pageSize=1"), 200);
    expectDescribed("GET", "/api/auth/packages", await alice.get("/api/auth/packages?cursor=No"), 422);
    expectDescribed("DELETE", path, await bob.send("DELETE", url), 200);
    const self = `/api/packages/owned/owners/${alice.username}`;
    expectDescribed("DELETE", path, await alice.send("DELETE", self), 409);
    expectDescribed("DELETE", path, await alice.send("DELETE", "/api/packages/owned/owners/nobody-here"), 404);
  });

  test("responses of quarantine and allowed names match their description", async () => {
    await publish("suspect", "1.0.0");
    const admin = await newAdmin(registry());
    for (const [path, url] of [
      ["/api/packages/{name}/quarantine", "/api/packages/suspect/quarantine"],
      [`${VERSION_PATH}/quarantine`, "/api/packages/suspect/1.0.0/quarantine"],
    ] as const) {
      expectDescribed("PUT", path, await admin.send("PUT", url, { reason: "bad" }), 200);
      for (const part of ["download", "files", "readme", "manifest", "values"]) {
        const held = await alice.get(`/api/packages/suspect/1.0.0/${part}`);
        expectDescribed("GET", `${VERSION_PATH}/${part}`, held, 403);
      }
      expectDescribed("GET", "/api/packages/{name}", await alice.get("/api/packages/suspect"), 200);
      expectDescribed("PUT", path, await admin.send("PUT", url, {}), 422);
      expectDescribed("PUT", path, await alice.send("PUT", url, { reason: "bad" }), 403);
      expectDescribed("DELETE", path, await alice.send("DELETE", url), 403);
      expectDescribed("DELETE", path, await admin.send("DELETE", url), 200);
      expectDescribed("DELETE", path, await admin.send("DELETE", url.replace("suspect", "none")), 404);
    }
    const [path, url] = ["/api/admin/allowed-names/{name}", "/api/admin/allowed-names/like-full"];
    expectDescribed("PUT", path, await admin.send("PUT", url), 204);
    expectDescribed("PUT", path, await admin.send("PUT", `${url}-`), 422);
    expectDescribed("PUT", path, await alice.send("PUT", url), 403);
  });
});

function fullAgain(): Uint8Array {
  return makePackage({ name: "full", version: "1.0.1", manifest: MANIFEST.replace("1.0.0", "1.0.1") });
}
