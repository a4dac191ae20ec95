import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type FakeS3, type FakeS3Options, type Fault, startFakeS3 } from "../support/fake-s3.ts";

/* Tests the fake S3 with Bun's own signer, and each fault as a client sees it. */

const ODD_KEY = "a b/ü+~'!*(&=?%41.txt";

const fake = await startFakeS3();
afterAll(() => fake.stop());
beforeEach(() => {
  fake.heal();
  fake.objects.clear();
  fake.requests.length = 0;
});

function clientOf(server: FakeS3, changes: Partial<Bun.S3Options> = {}): Bun.S3Client {
  return new Bun.S3Client({
    endpoint: server.url,
    bucket: server.bucket,
    region: server.region,
    accessKeyId: server.accessKey,
    secretAccessKey: server.secretKey,
    ...(server.sessionToken === undefined ? {} : { sessionToken: server.sessionToken }),
    ...changes,
  });
}

const client = clientOf(fake);

async function withFake(options: FakeS3Options, use: (server: FakeS3) => Promise<void>): Promise<void> {
  const server = await startFakeS3(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

/** Returns the status and code of a response, such as `403 AccessDenied`. */
async function outcome(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init);
  const code = (await response.text()).match(/<Code>(\w+)<\/Code>/)?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: { code?: string }) => error.code ?? String(error),
  );

describe("Bun's client", () => {
  test("Bun's client writes, stats, reads, lists and deletes objects, even with odd keys", async () => {
    fake.storeTime = new Date("2026-01-02T03:04:05Z");
    await client.write(ODD_KEY, "hello", { type: "text/x-odd" });
    fake.storeTime = undefined;
    const { size, type, lastModified, etag } = await client.stat(ODD_KEY);
    expect({ size, type, lastModified: lastModified.toISOString(), etag }).toEqual({
      size: 5,
      type: "text/x-odd",
      lastModified: "2026-01-02T03:04:05.000Z",
      etag: '"5d41402abc4b2a76b9719d911017c592"',
    });
    expect(await client.file(ODD_KEY).text()).toBe("hello");
    expect(await client.file(ODD_KEY).slice(1, 3).text()).toBe("el");
    expect((await client.list()).contents?.map(({ key }) => key)).toEqual([ODD_KEY]);
    await client.delete(ODD_KEY);
    await client.delete(ODD_KEY);
    expect(fake.objects.size).toBe(0);
    expect(fake.requests.map(({ method, status }) => `${method} ${status}`).join(", ")).toBe(
      "PUT 200, HEAD 200, GET 200, GET 206, LIST 200, DELETE 204, DELETE 204",
    );
    expect(await codeOf(client.file(ODD_KEY).text())).toBe("NoSuchKey");
  });

  test("Bun's client lists objects in pages, by prefix, after a key, and encoded", async () => {
    for (const key of ["p/c", "p/a", "q/a", "p/b&<", "p/ü"]) await client.write(key, key);
    const keys = async (asked: Bun.S3ListObjectsOptions) => {
      const page = await client.list(asked);
      return { keys: (page.contents ?? []).map(({ key }) => key), next: page.nextContinuationToken };
    };
    const first = await keys({ prefix: "p/", maxKeys: 2 });
    expect(first.keys).toEqual(["p/a", "p/b&<"]);
    expect(await keys({ prefix: "p/", continuationToken: first.next ?? "" })).toEqual({
      keys: ["p/c", "p/ü"],
      next: undefined,
    });
    expect((await keys({ startAfter: "p/c" })).keys).toEqual(["p/ü", "q/a"]);
    expect((await keys({ startAfter: "p/b", encodingType: "url" })).keys).toContain("p/%C3%BC");
  });

  test("Bun's client uses the host of the bucket", async () => {
    const endpoint = fake.virtualHostUrl.replace("//", `//${fake.bucket}.`);
    await clientOf(fake, { endpoint, virtualHostedStyle: true }).write("deep/key", "x");
    expect([...fake.objects.keys()]).toEqual(["deep/key"]);
  });

  test("Bun's client is refused with a wrong secret, key, region, bucket or clock", async () => {
    const write = (changes: Partial<Bun.S3Options>) => codeOf(clientOf(fake, changes).write("k", "x"));
    expect(await write({ secretAccessKey: "wrong" })).toBe("SignatureDoesNotMatch");
    expect(await write({ accessKeyId: "wrong" })).toBe("InvalidAccessKeyId");
    expect(await write({ region: "mars-1" })).toBe("AuthorizationHeaderMalformed");
    expect(await write({ bucket: "other" })).toBe("NoSuchBucket");
    expect(await write({ sessionToken: "not asked for" })).toBe("InvalidToken");
    fake.skewMs = -16 * 60_000;
    expect(await write({})).toBe("RequestTimeTooSkewed");
    fake.skewMs = 0;
    expect(fake.objects.size).toBe(0);
  });

  test("Bun's client must send the session token if there is one", async () => {
    await withFake({ sessionToken: "to/k+en=" }, async (server) => {
      await clientOf(server).write("k", "x");
      expect(await outcome(clientOf(server).presign("k"))).toBe("200");
      const { sessionToken: _, ...without } = server;
      expect(await codeOf(clientOf(without as FakeS3).stat("k"))).not.toBe("no error");
      expect(await outcome(clientOf(without as FakeS3).presign("k"))).toBe("403 InvalidAccessKeyId");
      expect(await outcome(clientOf(server, { sessionToken: "other" }).presign("k"))).toBe("400 InvalidToken");
    });
  });
});

describe("a presigned address", () => {
  test("a presigned address stores and serves an object under the given name and type", async () => {
    expect(await outcome(client.presign(ODD_KEY, { method: "PUT" }), { method: "PUT", body: "hello" })).toBe("200");
    const disposition = 'attachment; filename="a b.tgz"';
    const url = client.presign(ODD_KEY, { type: "application/gzip", contentDisposition: disposition });
    const response = await fetch(url);
    expect(await response.text()).toBe("hello");
    expect(response.headers.get("content-type")).toBe("application/gzip");
    expect(response.headers.get("content-disposition")).toBe(disposition);
    expect(fake.requests.map(({ presigned }) => presigned)).toEqual([true, true]);
  });

  test("a presigned address that is changed, expired, for another method or for the future is refused", async () => {
    await client.write("k", "x");
    const url = client.presign("k", { expiresIn: 60 });
    expect(await outcome(url)).toBe("200");
    expect(await outcome(url, { method: "PUT", body: "y" })).toBe("403 SignatureDoesNotMatch");
    expect(await outcome(url.replace("/k?", "/j?"))).toBe("403 SignatureDoesNotMatch");
    expect(await outcome(url.replace("Expires=60", "Expires=61"))).toBe("403 SignatureDoesNotMatch");
    expect(await outcome(`${url}&response-content-type=text%2Fhtml`)).toBe("403 SignatureDoesNotMatch");
    expect(await outcome(url, { headers: { "x-amz-acl": "public-read" } })).toBe("403 AccessDenied");
    expect(await outcome(url.replace(/\?.*/, ""))).toBe("403 AccessDenied");
    fake.skewMs = 61_000;
    expect(await outcome(url)).toBe("403 AccessDenied");
    fake.skewMs = -16 * 60_000;
    expect(await outcome(url)).toBe("403 AccessDenied");
    fake.skewMs = 0;
  });

  test("a presigned address serves ranges", async () => {
    await client.write("k", "0123456789");
    const range = async (value: string) => {
      const response = await fetch(client.presign("k"), { headers: { range: value } });
      const body = response.status === 416 ? "" : await response.text();
      return [response.status, response.headers.get("content-range"), body];
    };
    expect(await range("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await range("bytes=7-99")).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await range("bytes=-3")).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await range("bytes=10-")).toEqual([416, "bytes */10", ""]);
    expect(await range("bytes=4-2")).toEqual([200, null, "0123456789"]);
  });

  test("a presigned address refuses a body of unknown length, as S3 does", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("x"));
        controller.close();
      },
    });
    const url = client.presign("k", { method: "PUT" });
    expect(await outcome(url, { method: "PUT", body })).toBe("411 MissingContentLength");
  });
});

describe("a fault", () => {
  const put = (body: string) => outcome(client.presign("k", { method: "PUT" }), { method: "PUT", body });
  const get = () => fetch(client.presign("k"), { signal: AbortSignal.timeout(300) });
  const stored = () => Buffer.from(fake.objects.get("k")?.bytes ?? "").toString();
  const order = (how: Fault, times = 1) => fake.fail({ key: /^k$/, how, times });

  /**
   * Returns everything that is received until the connection ends or is silent for a while, and how
   * it ended.
   */
  async function wire(method: string, url: string, body = ""): Promise<{ text: string; end: string }> {
    const { hostname, port, pathname, search, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = "";
    const end = new Promise<string>((ended) => {
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket
        .on("end", () => ended("closed"))
        .on("error", (error: NodeJS.ErrnoException) => ended(error.code ?? "error"));
      socket.on("close", () => ended("closed"));
      socket.setTimeout(300, () => ended("silent"));
    });
    socket.write(
      `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const how = await end;
    socket.destroy();
    return { text, end: how };
  }

  test("a status fault acts as often as ordered, on its method and key, until it is healed", async () => {
    fake.fail({ method: "PUT", key: /^k/, times: 2, how: { status: 503, retryAfterSeconds: 7 } });
    const refused = await fetch(client.presign("k", { method: "PUT" }), { method: "PUT", body: "x" });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "7"]);
    expect(await refused.text()).toContain("<Code>SlowDown</Code>");
    expect(await outcome(client.presign("j", { method: "PUT" }), { method: "PUT", body: "x" })).toBe("200");
    expect(await put("x")).toBe("503 SlowDown");
    expect(await put("x")).toBe("200");
    fake.fail({ how: { status: 500 } });
    expect([await put("y"), await put("y")]).toEqual(["500 InternalError", "500 InternalError"]);
    fake.heal();
    fake.fail({ method: "LIST", how: { status: 403 } });
    expect(await codeOf(client.list())).toBe("AccessDenied");
    expect(stored()).toBe("x");
  });

  test("a connection fault drops the connection, leaves it silent, or truncates the body", async () => {
    await put("0123456789");
    const url = client.presign("k");
    const upload = client.presign("k", { method: "PUT" });
    order("reset");
    expect(await wire("GET", url)).toEqual({ text: "", end: "ECONNRESET" });
    order("reset-mid-upload");
    expect(await wire("PUT", upload, "abcdef")).toEqual({ text: "", end: "ECONNRESET" });
    order("timeout");
    expect(await wire("GET", url)).toEqual({ text: "", end: "silent" });
    order("reset-mid-body");
    const cut = await wire("GET", url);
    expect([cut.end, cut.text.split("\r\n\r\n")[1]]).toEqual(["closed", "01234"]);
    expect(cut.text).toContain("Content-Length: 10\r\n");
    order("hang-body");
    const hung = await wire("GET", url);
    expect([hung.end, hung.text.split("\r\n\r\n")[1]]).toEqual(["silent", "01234"]);
    expect(hung.text).toContain("Content-Length: 10\r\n");
    expect(stored()).toBe("0123456789");
  });

  test("a connection fault fails fetch, and a truncated body is not accepted as complete", async () => {
    await put("0123456789".repeat(100_000));
    order("reset", 10);
    expect(await codeOf(get())).toBe("ECONNRESET");
    fake.heal();
    order("reset-mid-body");
    const response = await get();
    expect(response.headers.get("content-length")).toBe("1000000");
    expect(await codeOf(response.text())).not.toBe("no error");
    order("hang-body");
    expect(await codeOf(get().then((hung) => hung.text()))).not.toBe("no error");
  });

  test("a PUT fault answers 200 and stores nothing or other bytes", async () => {
    order("error-body-200");
    expect(await put("abc")).toBe("200 InternalError");
    order("empty-200");
    expect(await put("abc")).toBe("200");
    expect(fake.objects.size).toBe(0);
    order("store-truncated");
    expect([await put("abcd"), stored()]).toEqual(["200", "ab"]);
    order("store-wrong");
    expect([await put("abcd"), stored()]).toEqual(["200", "abbd"]);
  });

  test("a GET fault sends fewer or other bytes, or is late", async () => {
    await put("abcd");
    order("truncated");
    const short = await get();
    expect([short.headers.get("content-length"), await short.text()]).toEqual(["2", "ab"]);
    order("wrong-bytes");
    expect(await (await get()).text()).toBe("abbd");
    order({ slowMs: 100 });
    const started = performance.now();
    expect(await (await get()).text()).toBe("abcd");
    expect(performance.now() - started).toBeGreaterThanOrEqual(99);
  });
});
