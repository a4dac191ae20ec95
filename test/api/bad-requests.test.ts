import { beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  Client,
  expectProblem,
  makeKey,
  newAccount,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases, tracesOf } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const KEY = makeKey();
const ARCHIVE = makePackage({ name: "form", version: "1.0.0" });
const SIGNATURE = signMessage(KEY, statementOf("form", "1.0.0", ARCHIVE));
const TYPE = { "content-type": "multipart/form-data; boundary=cut" };
const END = "--cut--\r\n";

/** One part of a form as it is sent. */
function part(disposition: string, content: string | Uint8Array, more = ""): Buffer {
  const head = `--cut\r\nContent-Disposition: ${disposition}\r\n${more}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content as string), Buffer.from("\r\n")]);
}
const field = (name: string, value: string) => part(`form-data; name="${name}"`, value);
const file = (name = "archive", fileName = "x.cpm", bytes: Uint8Array = ARCHIVE) =>
  part(`form-data; name="${name}"; filename="${fileName}"`, bytes, "Content-Type: application/gzip\r\n");
const body = (...parts: (string | Buffer)[]) =>
  new Uint8Array(Buffer.concat(parts.map((one) => Buffer.from(one as string))));

const SIGNED = [field("signature", SIGNATURE), field("publicKey", KEY.publicHex)];
const GOOD = [...SIGNED, file()];

const FORMS: Record<string, [status: number, body: Uint8Array]> = {
  "nothing at all": [400, body()],
  "only the end": [422, body(END)],
  "no boundary in the body": [400, body("just some text")],
  "another boundary": [
    400,
    Buffer.from(
      Buffer.from(body(...GOOD, END))
        .toString("latin1")
        .replaceAll("--cut", "--other"),
      "latin1",
    ),
  ],
  "no final boundary": [400, body(...GOOD)],
  "an end within the file": [400, body(...SIGNED, file().subarray(0, 400))],
  "an end within the headers": [400, body(...SIGNED, "--cut\r\nContent-Disposition: form-da")],
  "half a final boundary": [400, body(...GOOD, "--cut")],
  "the archive under another name": [400, body(...SIGNED, file("package"), END)],
  "the archive without a name": [400, body(...SIGNED, part('form-data; filename="x"', ARCHIVE), END)],
  "the archive as a text": [422, body(...SIGNED, field("archive", "text"), END)],
  "two archives": [400, body(...GOOD, file(), END)],
  "another file before the archive": [400, body(...SIGNED, file("readme"), file(), END)],
  "a signature that is a file": [400, body(file("signature"), SIGNED[1] ?? "", file(), END)],
  "the signature twice": [400, body(...GOOD, field("signature", SIGNATURE), END)],
  "two signatures that differ": [400, body(field("signature", "x"), ...GOOD, END)],
  "the key twice": [400, body(...GOOD, field("publicKey", KEY.publicHex), END)],
  "a signature of 1 MB": [400, body(field("signature", "A".repeat(100_000)), file(), END)],
  "a key of 1 MB after the archive": [
    400,
    body(...GOOD.slice(0, 1), file(), field("publicKey", "A".repeat(100_000)), END),
  ],
  "10,000 fields": [400, body(...Array.from({ length: 10_000 }, (_, at) => field(`f${at}`, "")), ...GOOD, END)],
  "10,000 fields after the archive": [400, body(...GOOD, ...Array.from({ length: 10_000 }, () => field("x", "")), END)],
  "1,000 files": [400, body(...GOOD, ...Array.from({ length: 1_000 }, (_, at) => file(`f${at}`, "x", body("x"))), END)],
  "100 KB of headers of a part": [
    400,
    body(...SIGNED, part('form-data; name="archive"; filename="x"', ARCHIVE, "X-Y: z\r\n".repeat(12_500)), END),
  ],
  "a part's header without end": [
    400,
    body(...SIGNED, part(`form-data; name="archive"; filename="${"x".repeat(60_000)}"`, ARCHIVE), END),
  ],
};

onBothDatabases("bad requests", (registry) => {
  let client: Client;
  beforeAll(async () => {
    client = await newAccount(registry());
  });
  const guest = () => new Client(registry().url);
  const leavesNothing = async (ask: () => Promise<Answer | undefined>) => {
    const before = await tracesOf(registry());
    const answer = await ask();
    expect(await tracesOf(registry())).toEqual(before);
    return answer as Answer;
  };
  const post = (bytes: Uint8Array, headers: Record<string, string> = TYPE) =>
    client.post("/api/packages", bytes, headers);

  test.each(Object.entries(FORMS))("a form with %s is refused and leaves nothing", async (_, [status, bytes]) => {
    const answer = await leavesNothing(() => post(bytes));
    expectProblem(answer, status, status === 400 ? "malformed_body" : "validation_failed");
  });

  test("a publish without a body is 400 and says that the body is empty", async () => {
    const answer = await leavesNothing(() => post(new Uint8Array(0)));
    expectProblem(answer, 400, "malformed_body");
    expect(answer.body.detail).toContain("The body is empty.");
  });

  const TYPES: Record<string, [status: number, type: string]> = {
    JSON: [415, "application/json"],
    "a text": [415, "text/plain"],
    "a URL-encoded form": [415, "application/x-www-form-urlencoded"],
    gzip: [415, "application/gzip"],
    nonsense: [415, "\\/;;"],
    "another multipart": [415, "multipart/mixed; boundary=cut"],
    "no boundary": [400, "multipart/form-data"],
    "an empty boundary": [400, "multipart/form-data; boundary="],
  };
  test.each(Object.entries(TYPES))("a publish with the content type of %s is refused", async (_, [status, type]) => {
    const answer = await leavesNothing(() => post(body(...GOOD, END), { "content-type": type }));
    expectProblem(answer, status, status === 415 ? "unsupported_media_type" : "malformed_body");
  });

  test("an upload above the limit is 413, with and without Content-Length", async () => {
    const chunk = new Uint8Array(1024 * 1024);
    const endless = () => {
      let sent = 0;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(sent === 0 ? new Uint8Array(body(...SIGNED, file().subarray(0, 150))) : chunk);
          sent += 1;
          if (sent > 40) controller.close();
        },
      });
    };
    const refused = await leavesNothing(() =>
      post(body(...SIGNED, file("archive", "x", new Uint8Array(22 * chunk.length)), END)),
    );
    expectProblem(refused, 413, "payload_too_large");
    const untold = await leavesNothing(() => client.post("/api/packages", endless(), TYPE));
    expectProblem(untold, 413, "payload_too_large");
  });

  test("a client that disconnects during an upload leaves nothing", async () => {
    const before = await tracesOf(registry());
    for (const leave of ["destroy", "end"] as const) {
      const socket = connect(Number(new URL(registry().url).port), "127.0.0.1");
      socket.on("error", () => undefined);
      const head = `POST /api/packages HTTP/1.1\r\nHost: x.test\r\nAuthorization: Bearer ${client.token}\r\n`;
      socket.write(`${head}Content-Type: ${TYPE["content-type"]}\r\nContent-Length: 5000000\r\n\r\n`);
      socket.write(body(...SIGNED, file("archive", "x", new Uint8Array(900_000))));
      const left = async () => (await tracesOf(registry())).files.length - before.files.length;
      await waitUntil(async () => (await left()) > 0, "the upload begins to arrive");
      socket[leave]();
      await waitUntil(async () => (await left()) === 0, "the upload is removed");
      socket.destroy();
    }
    expect(await tracesOf(registry())).toEqual(before);
  });

  test("a publish ignores the file name, the order of fields and unknown fields", async () => {
    const odd = [
      file("archive", "../../etc/passwd\\x"),
      field("unknown", "x".repeat(9_000)),
      field("", "y"),
      ...SIGNED,
    ];
    const answer = await post(body("preamble\r\n", ...odd, END, "epilogue"));
    expect([answer.status, answer.body.name]).toEqual([201, "form"]);
    expect((await post(body(...GOOD, END))).status).toBe(200);
  });

  const METHODS: readonly [method: string, path: string, allow: string][] = [
    ["POST", "/log/tile/0/000", "GET, HEAD"],
    ["DELETE", "/log/tile/entries/000", "GET, HEAD"],
    ["PUT", "/api/packages", "GET, HEAD, POST"],
    ["DELETE", "/api/packages", "GET, HEAD, POST"],
    ["PATCH", "/api/v1/packages", "GET, HEAD, POST"],
    ["POST", "/api/packages/x", "GET, HEAD"],
    ["PUT", "/api/packages/x/1.0.0", "DELETE, GET, HEAD, POST"],
    ["POST", "/api/packages/x/1.0.0/download", "GET, HEAD"],
    ["DELETE", "/api/packages/x/latest/readme", "GET, HEAD"],
    ["GET", "/api/auth/login", "POST"],
    ["HEAD", "/api/auth/login", "POST"],
    ["PUT", "/api/auth/register", "POST"],
    ["POST", "/api/auth/me", "GET, HEAD"],
    ["POST", "/health", "GET, HEAD"],
    ["DELETE", "/swagger/json", "GET, HEAD"],
  ];
  test.each(METHODS)("%s %s is 405 with Allow: %s", async (method, path, allow) => {
    const answer = await guest().send(method, path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
    if (method !== "HEAD") expectProblem(answer, 405, "method_not_allowed");
  });

  test("valid JSON with another content type is 415", async () => {
    const login = JSON.stringify({ username: client.username, password: "a wrong password" });
    const wrong = ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data", "x"];
    for (const type of wrong) {
      expectProblem(
        await guest().post("/api/auth/login", login, { "content-type": type }),
        415,
        "unsupported_media_type",
      );
    }
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/json;"]) {
      expectProblem(await guest().post("/api/auth/login", login, { "content-type": type }), 401, "invalid_credentials");
    }
  });

  test("JSON above 64 KiB is 413, with and without Content-Length", async () => {
    const large = new TextEncoder().encode(JSON.stringify({ username: "x", password: "x", more: "y".repeat(70_000) }));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < large.length; at += 9_000) controller.enqueue(large.slice(at, at + 9_000));
        controller.close();
      },
    });
    for (const sent of [large, stream]) {
      const answer = await guest().post("/api/auth/login", sent, { "content-type": "application/json" });
      expectProblem(answer, 413, "payload_too_large");
    }
  });

  const BROKEN = [
    "",
    " ",
    "{",
    "{'a':1}",
    '{"a":1,}',
    "nul",
    '{"username":"a"',
    "\u0000",
    "{}{}",
    "[".repeat(60_000),
    "1e",
  ];
  test("invalid JSON is 400", async () => {
    const bodies = [
      ...BROKEN.map((text) => new TextEncoder().encode(text)),
      Buffer.from('{"username":"\xff"}', "latin1"),
    ];
    for (const bytes of bodies) {
      const answer = await guest().post("/api/auth/login", bytes, { "content-type": "application/json" });
      expectProblem(answer, 400, "malformed_body");
    }
  });

  test("deep, odd and unknown JSON is 4xx or ignored, and pollutes no prototype", async () => {
    const deep = (levels: number, value: string) => '{"a":'.repeat(levels) + value + "}".repeat(levels);
    const CODES: Readonly<Record<number, string>> = {
      400: "malformed_body",
      401: "invalid_credentials",
      422: "validation_failed",
    };
    const fields = '"username":"nobody-at-all","password":"a wrong password"';
    const answers: [status: number, json: string][] = [
      [401, `{${fields},"more":{"a":[1]}}`],
      [400, `{${fields},"more":${deep(3_000, "1")}}`],
      [401, `{${fields},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`],
      [401, `{"username":"first",${fields}}`],
      [400, deep(10_000, "1")],
      [400, `{"username":${deep(3_000, "1")},"password":[]}`],
      [422, "[]"],
      [422, "null"],
      [422, "7"],
      [422, '"text"'],
      [422, '{"__proto__":{"username":"a","password":"b"}}'],
    ];
    for (const [status, json] of answers) {
      const answer = await guest().post("/api/auth/login", json, { "content-type": "application/json" });
      expect([json.slice(0, 60), answer.status]).toEqual([json.slice(0, 60), status]);
      expectProblem(answer, status, CODES[status] ?? "");
    }
    expect("polluted" in {}).toBe(false);
  });

  const HOSTILE = [
    "..%2f..%2fetc",
    "%2e%2e%2fx",
    "%00",
    "x%00",
    "%ff",
    "%",
    "%zz",
    "%c0%ae",
    "%ED%A0%80",
    "a%2fb",
    "a%5cb",
  ];
  const STRANGE = [
    "<script>",
    "'",
    "%22",
    "%F0%9F%9A%80",
    "x".repeat(5_000),
    "%0d%0aSet-Cookie:x",
    "*",
    ":name",
    "__proto__",
    "con",
  ];
  test.each([...HOSTILE, ...STRANGE])("%s in place of a name or a version is 404", async (text) => {
    for (const part of ["", "/download", "/files", "/readme", "/signature"]) {
      for (const path of [`/api/packages/${text}/1.0.0${part}`, `/api/packages/form/${text}${part}`]) {
        const answer = await guest().get(path);
        expectProblem(answer, 404, path.startsWith("/api/packages/form/") ? "version_not_found" : "package_not_found");
        expect(answer.headers.get("set-cookie")).toBeNull();
      }
    }
    expectProblem(await guest().get(`/api/packages/${text}`), 404, "package_not_found");
    for (const method of ["DELETE", "POST"]) {
      expectProblem(await client.send(method, `/api/packages/${text}/1.0.0`), 404, "package_not_found");
      expectProblem(await client.send(method, `/api/packages/form/${text}`), 404, "version_not_found");
    }
  });

  const raw = (text: string) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(Number(new URL(registry().url).port), "127.0.0.1");
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(received));
    socket.write(text);
    return promise;
  };
  const HOSTS = [
    "a",
    "cpm",
    "cpm:5000",
    "registry.example.org",
    "[::1]:80",
    "",
    "a b",
    "a/b",
    "u:p@h",
    "a%zz",
    "x:99999",
  ];
  test.each(HOSTS)("a request with the Host header %p gets the normal response", async (host) => {
    for (const path of ["/health/live", "/api/packages?q=x", "/api/packages/form/latest/files"]) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect([path, answer.slice(0, 12)]).toEqual([path, "HTTP/1.1 200"]);
      expect(answer.toLowerCase()).toContain("\r\nx-request-id: ");
    }
  });

  test("an HTTP/1.0 request without Host, as load balancers send, gets the normal response", async () => {
    const answer = await raw("GET /health/ready HTTP/1.0\r\n\r\n");
    expect(answer.slice(0, 12)).toBe("HTTP/1.1 200");
    expect(answer).toContain('"status":"ok"');
  });

  test("a request without Host is routed by its whole path, not by its end", async () => {
    const path = "/api/packages/form";
    const known = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(known.slice(0, 12)).toBe("HTTP/1.1 200");
    for (const before of ["/aaaaaaa", "/aaaaaaaa", ""]) {
      const answer = await raw(`GET ${before}${path} HTTP/1.0\r\n\r\n`);
      expect([before, answer.slice(0, 12)]).toEqual([before, `HTTP/1.1 ${before === "" ? 200 : 404}`]);
    }
  });
});
