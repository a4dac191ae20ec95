import { beforeAll, expect, test } from "bun:test";
import { makePackage, type PackageDraft } from "../support/archive-maker.ts";
import { type Answer, Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, TEST_PUBLIC_URL } from "../support/registry.ts";

const FULL = `apiVersion: v1
name: full
version: 1.10.0
description: Everything a manifest may say
maintainers: [{ name: Ada, email: ada@example.org, url: "https://example.org" }]
dependencies: [{ name: mir, version: ^1.0 }]
conditions: { colonyOSVersion: ">=1.0", architecture: amd64 }
inputs:
  - { key: size, label: Size, type: select, description: How big, required: true, default: 10, options: [1, 10] }
keywords: [one, two]
license: MIT
homepage: https://example.org/full
repository: https://example.org/full.git
futureField: { anything: [goes] }
`;

onBothDatabases("versions", (registry) => {
  let [owner, stranger]: Client[] = [];
  const key = makeKey();
  const me = () => owner as Client;
  const put = async (draft: PackageDraft): Promise<Answer> => {
    const answer = await me().publish(draft.name, draft.version, makePackage(draft), key);
    expect([draft.name, draft.version, answer.status, answer.text.slice(0, 0)]).toEqual([
      draft.name,
      draft.version,
      201,
      "",
    ]);
    return answer;
  };
  const get = (path: string) => new Client(registry().url).get(`/api/packages/${path}`);
  const listed = async (query: string): Promise<string[]> =>
    (await get(query)).body.items.map(({ name }: { name: string }) => name);
  const latestOf = async (name: string) => {
    const [shown, version] = await Promise.all([get(name), get(`${name}/latest`)]);
    expect(version.body.version).toBe(shown.body.latest ?? undefined);
    return shown.body.latest;
  };

  beforeAll(async () => {
    [owner, stranger] = [await newAccount(registry(), "owner"), await newAccount(registry(), "stranger")];
    const versions = ["1.9.0", "2.0.0-alpha", "0.1.0", "1.10.0", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0-1"];
    for (const version of versions) await put({ name: "many", version, tags: [`v${version}`], description: version });
    for (const version of ["0.1.0-rc.1", "0.1.0-rc.2"]) await put({ name: "rough", version });
    for (const version of ["1.0.0", "1.1.0"]) await put({ name: "yanks", version, description: `Gizmo ${version}` });
    await put({ name: "full", version: "1.10.0", manifest: FULL });
  });

  test("a version has every field of the contract, from the manifest as it was written", async () => {
    const { body } = await get("full/1.10.0");
    expect(body).toMatchObject({
      name: "full",
      version: "1.10.0",
      description: "Everything a manifest may say",
      size: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      publishedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      publishedBy: me().username,
      yanked: false,
      yankReason: null,
      yankMessage: null,
      yankReplacement: null,
      quarantine: null,
      signature: {
        scheme: "cpm-v1",
        keyId: expect.any(String),
        publicKey: key.publicHex,
        value: expect.any(String),
        compromised: false,
      },
      logIndex: expect.any(Number),
      maintainers: [{ name: "Ada", email: "ada@example.org", url: "https://example.org" }],
      dependencies: [{ name: "mir", version: "^1.0" }],
      conditions: { colonyOSVersion: ">=1.0", architecture: "amd64" },
      inputs: [{ key: "size", label: "Size", type: "select", description: "How big", required: true }],
      tags: ["one", "two"],
      license: "MIT",
      homepage: "https://example.org/full",
      repository: "https://example.org/full.git",
      warnings: expect.any(Array),
      downloads: 0,
      downloadUrl: `${TEST_PUBLIC_URL}/api/packages/full/1.10.0/download`,
    });
    expect(body.inputs[0].options).toHaveLength(2);
    expect(body.inputs[0].default).toBeDefined();
  });

  test("a package has every field of the contract and its versions, the highest first, pre-releases below releases", async () => {
    const { body } = await get("many");
    expect(body).toMatchObject({
      name: "many",
      description: "1.10.0",
      latest: "1.10.0",
      tags: ["v1.10.0"],
      owners: [me().username],
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
      downloads: 0,
      status: "active",
      statusMessage: null,
      statusReplacement: null,
      quarantine: null,
    });
    expect(body.versions.map(({ version }: Json) => version)).toEqual([
      ...["2.0.0-rc.10", "2.0.0-rc.2", "2.0.0-alpha", "2.0.0-1", "1.10.0", "1.9.0", "0.1.0"],
    ]);
    for (const version of body.versions) expect(version).toEqual((await get(`many/${version.version}`)).body);
  });

  test("latest is the highest release and may be used wherever a version is read", async () => {
    expect(await latestOf("many")).toBe("1.10.0");
    for (const part of ["", "/files", "/readme", "/manifest", "/values", "/signature", "/download"]) {
      const [latest, exact] = await Promise.all([get(`many/latest${part}`), get(`many/1.10.0${part}`)]);
      expect([part, latest.status, latest.text]).toEqual([part, 200, exact.text]);
    }
  });

  test("a package with only pre-releases has no latest, and the 404 names the pre-release to ask for", async () => {
    const shown = await get("rough");
    expect([shown.status, shown.body.latest, shown.body.versions.length]).toEqual([200, null, 2]);
    for (const part of ["", "/download", "/readme"]) {
      const answer = await get(`rough/latest${part}`);
      expectProblem(answer, 404, "version_not_found");
      expect(answer.body.detail).toContain("0.1.0-rc.2");
    }
    expect(await listed("?search=rough")).toEqual(["rough"]);
  });

  test("latest cannot be yanked, because a retried request would yank a second version", async () => {
    await put({ name: "lost-answer", version: "1.0.0" });
    for (const method of ["DELETE", "POST"]) {
      const answer = await me().send(method, "/api/packages/lost-answer/latest");
      expectProblem(answer, 404, "version_not_found");
      expect(answer.body.detail).toContain("by its number");
    }
    expect(await latestOf("lost-answer")).toBe("1.0.0");
  });

  test("a yank takes a version out of latest and keeps it readable; undoing brings it back; both may be repeated", async () => {
    const yank = { reason: "security", message: "Leaks <secrets>.\nUse 1.0.0 ✓" };
    for (const _ of ["once", "twice"]) {
      const yanked = await me().send("DELETE", "/api/packages/yanks/1.1.0", yank);
      expect([yanked.status, yanked.body.yanked, yanked.body.yankReason]).toEqual([200, true, "security"]);
      expect(yanked.body).toEqual((await get("yanks/1.1.0")).body);
      expect(JSON.stringify(yanked.body)).toContain("Use 1.0.0 ✓");
      expect(await latestOf("yanks")).toBe("1.0.0");
    }
    expect((await get("yanks")).body.description).toBe("Gizmo 1.0.0");
    expect(await listed("?search=gizmo")).toEqual(["yanks"]);
    for (const part of ["/download", "/readme", "/files", "/signature"])
      expect((await get(`yanks/1.1.0${part}`)).status).toBe(200);
    const versions: Json[] = (await get("yanks")).body.versions;
    expect(versions.map(({ version, yanked }) => [version, yanked])).toEqual([
      ["1.1.0", true],
      ["1.0.0", false],
    ]);
    for (const _ of ["once", "twice"]) {
      const back = await me().post("/api/packages/yanks/1.1.0");
      expect([back.status, back.body.yanked, back.body.yankReason]).toEqual([200, false, null]);
      expect(await latestOf("yanks")).toBe("1.1.0");
    }
  });

  test("a yank names a replacement, and another yank without one removes it", async () => {
    for (const replacement of ["1.1.0", "full", "full@1.10.0", "full@9.9.9", "yanks", "2.0.0-rc.1+b"]) {
      const yanked = await me().send("DELETE", "/api/packages/yanks/1.0.0", { reason: "renamed", replacement });
      expect([yanked.status, yanked.body.yankReplacement]).toEqual([200, replacement]);
      expect(yanked.body).toEqual((await get("yanks/1.0.0")).body);
    }
    for (const reason of ["broken", "security", "other", undefined]) {
      const yanked = await me().send("DELETE", "/api/packages/yanks/1.0.0", { reason });
      expect([yanked.status, yanked.body.yankReason, yanked.body.yankReplacement]).toEqual([200, reason ?? null, null]);
    }
    const back = await me().post("/api/packages/yanks/1.0.0");
    expect([back.body.yanked, back.body.yankReplacement]).toEqual([false, null]);
  });

  test("a package with only yanked versions is in no list, stays readable, and comes back with a new version", async () => {
    const total = async () => (await get("?pageSize=1")).body.total;
    const before = await total();
    for (const version of ["1.0.0", "1.1.0"]) await me().send("DELETE", `/api/packages/yanks/${version}`);
    expect(await total()).toBe(before - 1);
    for (const query of ["?search=yanks", "?search=gizmo", "?search=yanls", `?search=gizmo&author=${me().username}`]) {
      expect([query, await listed(query)]).toEqual([query, []]);
    }
    expect(await listed("?sort=name")).not.toContain("yanks");
    const shown = await get("yanks");
    expect([shown.status, shown.body.latest, shown.body.versions.length]).toEqual([200, null, 2]);
    expectProblem(await get("yanks/latest"), 404, "version_not_found");
    expectProblem(await get("yanks/latest/download"), 404, "version_not_found");
    expect((await get("yanks/1.0.0/download")).status).toBe(200);
    for (const version of ["1.0.0", "1.1.0"]) await me().post(`/api/packages/yanks/${version}`);
    expect(await listed("?search=yanks")).toEqual(["yanks"]);
    expect([await total(), await latestOf("yanks")]).toEqual([before, "1.1.0"]);
  });

  test("a yanked version number stays used: a publish with the same or other bytes does not undo the yank", async () => {
    const draft = { name: "yanks", version: "1.0.0", description: "Gizmo 1.0.0" };
    await me().send("DELETE", "/api/packages/yanks/1.0.0");
    expectProblem(
      await me().publish("yanks", "1.0.0", makePackage({ ...draft, readme: "other" }), key),
      409,
      "version_exists",
    );
    const same = await me().publish("yanks", "1.0.0", makePackage(draft), key);
    expect([same.status, same.body.yanked]).toEqual([200, true]);
    await me().post("/api/packages/yanks/1.0.0");
  });

  test("only an owner may yank and undo, and a yank of a missing version is 404", async () => {
    for (const method of ["DELETE", "POST"]) {
      const send = (client: Client, path: string) => client.send(method, `/api/packages/${path}`);
      expectProblem(await send(stranger as Client, "yanks/1.0.0"), 403, "not_an_owner");
      expectProblem(await send(new Client(registry().url), "yanks/1.0.0"), 401, "unauthenticated");
      expectProblem(await send(me(), "yanks/9.9.9"), 404, "version_not_found");
      expectProblem(await send(me(), "yanks/not-a-version"), 404, "version_not_found");
      expectProblem(await send(me(), "unheard-of/1.0.0"), 404, "package_not_found");
      expectProblem(await send(me(), "UPPER/1.0.0"), 404, "package_not_found");
    }
    expect((await get("yanks/1.0.0")).body.yanked).toBe(false);
  });

  const BAD_YANKS: readonly [what: string, status: number, body: Bun.BodyInit | object][] = [
    ["reason that is a number", 422, { reason: 7 }],
    ["reason of its own", 422, { reason: "outdated" }],
    ["replacement that names nothing", 422, { replacement: "Not A Name" }],
    ["replacement that is not there", 422, { replacement: "no-such-package" }],
    ["version of a package that is not there", 422, { replacement: "no-such-package@1.0.0" }],
    ["replacement without a version behind @", 422, { replacement: "yanks@" }],
    ["replacement with half a version", 422, { replacement: "yanks@1.0" }],
    ["endless replacement", 422, { replacement: "x".repeat(130) }],
    ["replacement that is a number", 422, { replacement: 2 }],
    ["message with NUL", 422, { message: "a\0b" }],
    ["endless message", 422, { message: "x".repeat(20_000) }],
    ["list", 422, "[]"],
    ["null", 422, "null"],
    ["broken JSON", 400, "{"],
  ];
  test.each(BAD_YANKS)("a yank with a %s is refused with %i and changes nothing", async (_, status, body) => {
    const answer = await me().send("DELETE", "/api/packages/yanks/1.0.0", body, { "content-type": "application/json" });
    expectProblem(answer, status, status === 422 ? "validation_failed" : "malformed_body");
    expect((await get("yanks/1.0.0")).body.yanked).toBe(false);
  });

  test("a path below a package that is no version answers 405 with its methods", async () => {
    const bob = await newAccount(registry());
    const name = "sub-resources";
    await bob.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), makeKey());
    for (const [method, rest, allow] of [
      ["POST", "owners", "GET, HEAD"],
      ["DELETE", "owners", "GET, HEAD"],
      ["GET", "status", "PUT"],
      ["POST", "status", "PUT"],
      ["DELETE", "events", "GET, HEAD"],
      ["DELETE", "keys", "GET, HEAD, POST"],
    ] as const) {
      const answer = await bob.send(method, `/api/packages/${name}/${rest}`);
      expectProblem(answer, 405, "method_not_allowed");
      expect([method, rest, answer.headers.get("allow")]).toEqual([method, rest, allow]);
    }
    expectProblem(await bob.post(`/api/packages/${name}/9.9.9`), 404, "version_not_found");
  });

  test("/api/v1 gives the same responses as /api", async () => {
    const paths = ["", "?search=many&pageSize=1", "/many", "/many/latest", "/many/1.9.0/files", "/many/1.9.0/readme"];
    for (const path of [...paths, "/many/1.9.0/signature", "/many/9.9.9", "/unheard-of", "/many/1.9.0/values"]) {
      const [one, two] = await Promise.all([get(path.replace(/^\//, "")), me().get(`/api/v1/packages${path}`)]);
      const cleared = ({ text }: Answer) => text.replace(/"requestId":"[^"]+"/, "");
      expect([path, two.status, cleared(two)]).toEqual([path, one.status, cleared(one)]);
      expect(two.headers.get("link")).toBe(one.headers.get("link"));
    }
    expect((await me().get("/api/v1/auth/me")).body.user.username).toBe(me().username);
    const wrong = await me().send("PATCH", "/api/v1/packages/many");
    expectProblem(wrong, 405, "method_not_allowed");
  });
});

const PREFIX_URL = "https://example.org/cpm/registry";
onBothDatabases(
  "a PUBLIC_URL with a path prefix",
  (registry) => {
    test("is in the addresses of responses, and requests are answered with it and without", async () => {
      const account = await newAccount(registry());
      const inside = new Client(`${registry().url}/cpm/registry`, account.token);
      const archive = makePackage({ name: "prefixed", version: "1.0.0+b", description: "Two words" });
      const published = await inside.publish("prefixed", "1.0.0+b", archive, makeKey());
      expect(published.status).toBe(201);
      const location = published.headers.get("location") ?? "";
      expect(location).toStartWith(`${PREFIX_URL}/api/packages/prefixed/1.0.0`);
      expect(published.body.downloadUrl).toBe(`${location}/download`);
      for (const base of [registry().url, inside.base]) {
        const outside = new Client(base);
        const { proof: _, ...shown } = published.body;
        expect((await outside.get(location.slice(PREFIX_URL.length))).body).toEqual(shown);
        const list = await outside.get("/api/packages?search=two%20words&pageSize=1");
        expect(list.headers.get("link")).toStartWith(`<${PREFIX_URL}/api/packages?search=two`);
        const head = await fetch(`${base}/api/packages/prefixed/latest/download`, { method: "HEAD" });
        expect([head.status, head.headers.get("content-length")]).toEqual([200, String(archive.length)]);
        expect((await outside.get("/health")).status).toBe(200);
        expectProblem(await outside.get("/api/nothing"), 404, "route_not_found");
        expectProblem(await outside.send("PATCH", "/api/packages"), 405, "method_not_allowed");
        expectProblem(await outside.get("/api/auth/me"), 401, "unauthenticated");
        const named = await outside.get("/api/nothing", { "x-request-id": "asked-with-this" });
        expect(named.body.requestId).toBe("asked-with-this");
      }
      const spec = await new Client(registry().url).get("/swagger/json");
      expect(spec.body.servers).toEqual([{ url: PREFIX_URL }]);
    });

    test("leads to the page at its address without a slash at the end too", async () => {
      const bare = await fetch(`${registry().url}/cpm/registry?x=1`, { redirect: "manual" });
      expect([bare.status, bare.headers.get("location")]).toEqual([308, "/cpm/registry/"]);
      const page = await fetch(`${registry().url}/cpm/registry`);
      expect([page.status, page.url]).toEqual([200, `${registry().url}/cpm/registry/`]);
    });

    test("does not match an address that only begins like it", async () => {
      const outside = new Client(registry().url);
      for (const path of ["/cpm/registryx/api/packages", "/cpm/api/packages", "/cpm/registry/cpm/registry/health"]) {
        expectProblem(await outside.get(path), 404, "route_not_found");
      }
    });
  },
  { env: { PUBLIC_URL: `${PREFIX_URL}/` } },
);
