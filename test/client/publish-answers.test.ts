import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { registered, User } from "./scene.ts";

/* A publish through something that changes or loses what the registry answers. */

/** What the one in the middle does to the answer of a publish. Null drops the connection. */
type Tamper = (body: Json, at: number) => Json | null;

describe("a publish through a registry that", () => {
  let registry: TestRegistry;
  let middle: ReturnType<typeof Bun.serve>;
  let tamper: Tamper = (body) => body;
  let published = 0;
  let user: User;
  let cwd: string;

  beforeAll(async () => {
    registry = await startRegistry("sqlite");
    middle = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        const body = request.method === "GET" ? null : await request.arrayBuffer();
        const headers = new Headers(request.headers);
        headers.delete("accept-encoding");
        const answered = await fetch(registry.url + pathname + search, { method: request.method, headers, body });
        if (request.method !== "POST" || pathname !== "/api/packages") return answered;
        published += 1;
        const changed = tamper(await answered.json(), published);
        if (changed !== null) return Response.json(changed, { status: answered.status });
        return new Response(new ReadableStream({ start: (controller) => controller.error(new Error("cut")) }));
      },
    });
    user = await User.make();
    await registered(user, `http://127.0.0.1:${middle.port}`, "ada");
    await user.run(["key", "generate", "--no-passphrase"]);
  });
  afterAll(async () => {
    middle.stop(true);
    await user.remove();
    await registry.stop();
  });
  beforeEach(async () => {
    published = 0;
    const name = `p${crypto.randomUUID().slice(0, 8)}`;
    await user.run(["init", name]);
    cwd = join(user.directory, name);
  });
  const publish = () => user.run(["publish", "--yes", "--json"], { cwd });
  const flipped = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;

  test("answers as it should ends well, and leaves nothing in the temporary directory", async () => {
    tamper = (body) => body;
    const { code, stdout } = await publish();
    expect([code, JSON.parse(stdout).verified]).toEqual([0, true]);
    expect((await readdir(user.directory)).filter((file) => file.startsWith("cpm-"))).toEqual([]);
  });

  test.each<[string, Tamper]>([
    [
      "changes a byte of the proof",
      (body) => ({ ...body, proof: flipped(body.proof, body.proof.indexOf("\n", 60) - 4) }),
    ],
    ["cuts the proof", (body) => ({ ...body, proof: body.proof.slice(0, -40) })],
    ["answers no proof", (body) => ({ ...body, proof: null })],
    ["answers as if to a dry run", (body) => ({ ...body, proof: null, logIndex: null })],
    ["answers the proof of nothing", (body) => ({ ...body, proof: "c2sp.org/tlog-proof@v1\n" })],
    ["names another key", (body) => ({ ...body, signature: { ...body.signature, publicKey: "00".repeat(32) } })],
  ])("%s is reported, with exit code 1", async (_, change) => {
    tamper = change;
    const { code, stdout, stderr } = await publish();
    expect([code, JSON.parse(stdout).error.code]).toEqual([1, "client_not_proved"]);
    expect(JSON.parse(stdout).error.detail).toContain(" is published, but ");
    expect(stderr).toContain("did not prove that it is in its log");
  });

  test("loses its answer is asked again, and the version is there once", async () => {
    tamper = (body, at) => (at === 1 ? null : body);
    const { code, stdout } = await publish();
    expect([code, published]).toEqual([0, 2]);
    expect(JSON.parse(stdout)).toMatchObject({ unchanged: true, verified: true });
  });
});

test("a log key in the configuration that is none is refused before anything is sent", async () => {
  const user = await User.make();
  await user.run(["init", "hello"]);
  await mkdir(user.home, { recursive: true });
  const config = 'registry: work\nregistries: {work: {url: "http://127.0.0.1:1", key: "not a key"}}\n';
  await writeFile(join(user.home, "config"), config);
  const { code, stdout } = await user.run(["publish", "hello", "--yes", "--json"], { env: { CPM_API_TOKEN: "cpm_x" } });
  expect([code, JSON.parse(stdout).error.code]).toEqual([64, "client_log_key_invalid"]);
  await user.remove();
});
