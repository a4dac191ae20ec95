import { beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256 } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";

const MIB = 1_048_576;
const NOISE = new Uint8Array(randomBytes(70_000));
const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "templates/job.json": `{"name": "job"}\n`,
  "a b/100%+é.txt": "Grüße\n",
  "page.html": "<script>alert(1)</script>",
  "empty.txt": "",
  "noise.bin": NOISE,
  "zero.txt": "a\0b",
  "exactly.txt": "x".repeat(MIB),
  "larger.txt": "x".repeat(MIB + 1),
};

onBothDatabases("one file of a version", (registry) => {
  let owner: Client;
  const ownKey = makeKey();
  const archive = makePackage({ name: "files", version: "1.0.0", files: FILES });
  const reader = () => new Client(registry().url);
  const file = (path: string, headers: Record<string, string> = {}) =>
    reader().get(`/api/packages/files/1.0.0/files/${path}`, headers);

  beforeAll(async () => {
    owner = await newAccount(registry());
    const published = await owner.publish("files", "1.0.0", archive, ownKey);
    expect([published.status, published.body.errors]).toEqual([201, undefined]);
  });

  test("text is sent as text, everything else as bytes, and no browser runs it", async () => {
    for (const [path, content] of Object.entries(FILES)) {
      if (path === "larger.txt") continue;
      const response = await fetch(
        `${registry().url}/api/packages/files/1.0.0/files/${path.split("/").map(encodeURIComponent).join("/")}`,
      );
      const bytes = Buffer.from(await response.arrayBuffer());
      expect([path, response.status, bytes.equals(Buffer.from(content))]).toEqual([path, 200, true]);
      const type =
        path === "noise.bin" || path === "zero.txt" ? "application/octet-stream" : "text/plain; charset=utf-8";
      expect([path, response.headers.get("content-type")]).toEqual([path, type]);
      expect(response.headers.get("content-security-policy")).toBe("sandbox");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(response.headers.get("etag")?.replace("-gzip", "")).toBe(`"${sha256(Buffer.from(content))}"`);
    }
  });

  test("the paths are those of the list of files", async () => {
    const { items } = (await reader().get("/api/packages/files/1.0.0/files")).body;
    for (const { path, size } of items) {
      const answer = await file(path.split("/").map(encodeURIComponent).join("/"));
      expect([path, answer.status]).toEqual([path, size > MIB ? 413 : 200]);
    }
  });

  test("a conditional request is answered without the file; a second one comes from the cache", async () => {
    const first = await file("templates/job.json");
    const second = await file("templates/job.json");
    expect([second.status, second.text]).toEqual([200, first.text]);
    const etag = first.headers.get("etag") ?? "";
    const unchanged = await file("templates/job.json", { "if-none-match": etag });
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
    expect(unchanged.headers.get("content-security-policy")).toBe("sandbox");
  });

  test("latest is no address for ever, and HEAD has the headers of GET", async () => {
    const latest = await reader().get("/api/packages/files/latest/files/page.html");
    expect([latest.status, latest.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    const head = await reader().send("HEAD", "/api/packages/files/1.0.0/files/page.html");
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  });

  test("a file above 1 MiB is refused with the way to get it", async () => {
    const answer = await file("larger.txt");
    expectProblem(answer, 413, "file_too_large");
    expect(answer.body.detail).toContain("/api/packages/files/1.0.0/download");
  });

  test.each(["nothing.txt", "templates", "templates/", "PAGE.html", "%zz", "%00", "..%2Fpage.html", "%ff", "*"])(
    "%p is no file",
    async (path) => expectProblem(await file(path), 404, "file_not_found"),
  );

  test("an unknown package or version is answered as everywhere", async () => {
    expectProblem(await reader().get("/api/packages/none/1.0.0/files/a.txt"), 404, "package_not_found");
    expectProblem(await reader().get("/api/packages/files/2.0.0/files/a.txt"), 404, "version_not_found");
  });

  test("a quarantined version gives out no file, also not from the cache", async () => {
    const version = "1.0.1";
    expect((await owner.publish("files", version, makePackage({ name: "files", version }), ownKey)).status).toBe(201);
    const path = `/api/packages/files/${version}/files/colony.yaml`;
    expect((await reader().get(path)).status).toBe(200);
    const admin = await newAdmin(registry());
    const body = { reason: "Under examination", category: "policy" };
    expect((await admin.send("PUT", `/api/packages/files/${version}/quarantine`, body)).status).toBe(200);
    expectProblem(await reader().get(path), 403, "quarantined");
  });
});
