import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OutsideFault, type OutsideRequest, requestOutside } from "../../src/runtime/outside-request.ts";
import { RegistryClient, RegistryFault } from "../../src/verify/registry-client.ts";

const BOUNDS = { maxMs: 5_000, maxBytes: 1_000 };

let directory: string;
/** Answers `/to?<address>` with a redirect there, and `/seen` with the headers of the request. */
let server: ReturnType<typeof Bun.serve>;
/** Another origin, which records the headers that it receives. */
let other: ReturnType<typeof Bun.serve>;
let sentToOther: Headers | undefined;
let secure: ReturnType<typeof Bun.serve>;

const port = (running: { readonly port?: number | undefined }) => running.port ?? 0;
const at = (path: string) => `http://127.0.0.1:${port(server)}${path}`;
const endless = () =>
  new ReadableStream({
    async pull(controller) {
      await Bun.sleep(1);
      controller.enqueue(new Uint8Array(200));
    },
  });

async function answer(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/to") return redirect(decodeURIComponent(search.slice(1)));
  if (pathname === "/round") return redirect("/round");
  if (pathname === "/endless") return new Response(endless());
  if (pathname === "/slow") return new Promise<never>(() => undefined);
  if (pathname === "/packed") {
    const body = Bun.gzipSync(new Uint8Array(50_000_000));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  }
  if (pathname === "/large") return new Response("x".repeat(2_000));
  return Response.json(Object.fromEntries(request.headers));
}

function redirect(location: string): Response {
  return new Response("moved", { status: 302, headers: { location } });
}

function faultOf(address: string, change: Partial<OutsideRequest> = {}): Promise<string> {
  return requestOutside(address, { ...BOUNDS, redirectsMax: 3, ...change }).then(
    ({ status }) => `answered ${status}`,
    (cause) => (cause instanceof OutsideFault ? cause.message : `not an OutsideFault: ${cause}`),
  );
}

/** A self-signed certificate of this machine. */
async function certificate() {
  const paths = { key: join(directory, "tls.key"), cert: join(directory, "tls.pem") };
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const made = Bun.spawn(["openssl", ...args, "-keyout", paths.key, "-out", paths.cert], { stderr: "ignore" });
  expect(await made.exited).toBe(0);
  return { key: await Bun.file(paths.key).text(), cert: await Bun.file(paths.cert).text() };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cpm-outside-"));
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  other = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      sentToOther = request.headers;
      return new Response("other");
    },
  });
  secure = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: await certificate(),
    fetch: () => redirect(`http://127.0.0.1:${port(other)}/`),
  });
  await writeFile(join(directory, "secret"), "secret");
});
afterAll(async () => {
  for (const running of [server, other, secure]) await running.stop(true);
  await rm(directory, { recursive: true, force: true });
});

describe("an outside request", () => {
  test.each(["file:", "data:", "s3:", "blob:", "ftp:"])("does not follow a redirect to %s", async (scheme) => {
    const rest = scheme === "file:" ? `//${join(directory, "secret")}` : scheme === "data:" ? ",x" : "//b/key";
    const target = encodeURIComponent(scheme + rest);
    expect(await faultOf(at(`/to?${target}`))).toBe(`it redirects to a ${scheme} address`);
  });

  test.each(["file:///etc/passwd", "data:,x", "s3://b/key", "nothing"])("to %s is refused", async (address) => {
    expect(await faultOf(address)).toBe("it is not an http(s) address");
  });

  test("follows a redirect from http to another http origin, without the headers of the request", async () => {
    const headers = { authorization: "Bearer cpm_secret" };
    const target = encodeURIComponent(`http://127.0.0.1:${port(other)}/`);
    const { status, body } = await requestOutside(at(`/to?${target}`), { ...BOUNDS, headers, redirectsMax: 3 });
    expect([status, Buffer.from(body).toString()]).toEqual([200, "other"]);
    expect(sentToOther?.get("authorization")).toBeNull();
  });

  test("sends its headers along a redirect to the same origin", async () => {
    const headers = { authorization: "Bearer cpm_secret" };
    const { body } = await requestOutside(at("/to?/seen"), { ...BOUNDS, headers, redirectsMax: 3 });
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ authorization: "Bearer cpm_secret" });
  });

  test("does not follow a redirect from https to http", async () => {
    const script = `
      const { requestOutside } = await import(${JSON.stringify(join(import.meta.dir, "../../src/runtime/outside-request.ts"))});
      const bounds = { maxMs: 3000, maxBytes: 1000, redirectsMax: 3 };
      console.log(await requestOutside("https://127.0.0.1:${port(secure)}/", bounds).then(() => "followed", (e) => e.message));
    `;
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const asked = Bun.spawn([process.execPath, "-e", script], { env, stderr: "ignore" });
    expect((await new Response(asked.stdout).text()).trim()).toBe("it redirects from https to http");
  });

  test("does not follow redirects in a circle, nor to an address with a password", async () => {
    expect(await faultOf(at("/round"))).toBe("it redirects more than 3 times");
    const target = encodeURIComponent(`http://root:secret@127.0.0.1:${port(other)}/`);
    expect(await faultOf(at(`/to?${target}`))).toBe("it redirects to an address with a password");
  });

  test("takes a redirect as the answer when it may follow none", async () => {
    expect((await requestOutside(at("/round"), BOUNDS)).status).toBe(302);
  });

  test("ends at its deadline, with or without the beginning of a response", async () => {
    expect(await faultOf(at("/slow"), { maxMs: 200 })).toBe("there was no whole answer within 200 ms");
    const endlessly = { maxMs: 300, maxBytes: 100_000_000 };
    expect(await faultOf(at("/endless"), endlessly)).toBe("there was no whole answer within 300 ms");
  });

  test("does not read a body that is larger than its limit, declared or not", async () => {
    for (const path of ["/large", "/endless"]) expect(await faultOf(at(path))).toBe("it sent more than 1000 bytes");
  });

  test("unpacks no compressed body", async () => {
    const refused = "it sent a compressed response without being asked";
    expect(await faultOf(at("/packed"), { maxBytes: 1_000_000 })).toBe(refused);
  });

  test("closes the connection of a body that it does not read to its end", async () => {
    const closed = Promise.withResolvers<void>();
    const raw: Server = createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.on("close", () => closed.resolve());
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n${"x".repeat(500)}`);
    });
    await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", () => resolve()));
    const bound = raw.address();
    if (bound === null || typeof bound === "string") throw new Error("no port");
    expect(await faultOf(`http://127.0.0.1:${bound.port}/`)).toBe("it sent more than 1000 bytes");
    await closed.promise;
    raw.close();
  });

  test("of the verifier to a registry is refused with the address and the reason", async () => {
    const client = new RegistryClient(at(""), undefined);
    const asked = client.bytes(`/to?${encodeURIComponent("file:///etc/passwd")}`);
    await expect(asked).rejects.toThrow(RegistryFault);
    await expect(asked).rejects.toThrow("cannot be used: it redirects to a file: address");
  });
});
