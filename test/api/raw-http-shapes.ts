import { PASSWORD } from "../support/client.ts";

/*
 * Requests that a proxy and this server might parse differently, and invalid heads. Each registers
 * an account, or, where only the head matters, asks for health. A second registration follows it on
 * the same connection. `answers` lists every response that the connection may give; after them the
 * server closes it. There is one account for each 201 and no other, except where `made` says so.
 *
 * A request whose length is ambiguous gets 400 and the end of the connection (RFC 9112 §6.3 and
 * §11.2). Bun's parser does most of that; `ambiguityResponse` in src/http/server.ts adds equal
 * lengths, two hosts and CONNECT. After a refused request, Bun reads nothing more. It does not even
 * read a valid request behind one that is still being handled: it closes the connection, as §9.3.2
 * allows. So a second response follows only if the first request is answered at once.
 */

/**
 * The parts of a shape. Names have the same length in all shapes, so the lengths in them are
 * constant.
 */
export interface Parts {
  /** The JSON of a registration. */
  readonly body: string;
  /** Another registration as a whole request, and the last of its connection. */
  readonly next: string;
}

export type Shape = readonly [answers: readonly number[], write: (parts: Parts) => string, made?: "carried"];

export function formOf(username: string): string {
  return JSON.stringify({ username, email: `${username}@example.org`, password: PASSWORD });
}

/** A registration with these lines in its head. */
export function post(lines: readonly string[], body: string, line = "POST /api/auth/register HTTP/1.1"): string {
  return [line, "Host: registry.test", "Content-Type: application/json", ...lines, "", body].join("\r\n");
}

export function chunked(body: string, size = body.length.toString(16), behind = "\r\n0\r\n\r\n"): string {
  return `${size}\r\n${body}${behind}`;
}

const LENGTH = formOf("carried-000").length;
const HEX = LENGTH.toString(16);
const CL = `Content-Length: ${LENGTH}`;
const TE = "Transfer-Encoding: chunked";

/** The body and the request behind it, whichever way the head is read. */
const withHead =
  (...lines: string[]) =>
  ({ body, next }: Parts) =>
    post(lines, lines.some((line) => /transfer.encoding/i.test(line)) ? chunked(body) + next : body + next);
/** Valid, though unusual: it is read as one request, and no other follows. */
const alone =
  (...lines: string[]) =>
  ({ body }: Parts) =>
    withHead("Connection: close", ...lines)({ body, next: "" });
const withChunks =
  (write: (body: string) => string) =>
  ({ body, next }: Parts) =>
    post([TE], write(body) + next);
const aloneInChunks =
  (write: (body: string) => string) =>
  ({ body }: Parts) =>
    post(["Connection: close", TE], write(body));
const asking =
  (...lines: string[]) =>
  ({ next }: Parts) =>
    [...lines, "", ""].join("\r\n") + next;
const GET = "GET /health/live HTTP/1.1";
const HOST = "Host: registry.test";
const kb = (text: string) => text.repeat(70_000 / text.length);

const BAD_ENCODINGS = ["chunked, identity", "identity, chunked", "xchunked", "chunked, chunked", "gzip, chunked"]
  .concat(["identity", "gzip", "chunked;q=1", '"chunked"', "", "\x0bchunked", "chunked\x00", "chunked chunked"])
  .map((value): [string, Shape] => [
    `Transfer-Encoding ${JSON.stringify(value)}`,
    [[400], withHead(`Transfer-Encoding: ${value}`)],
  ]);

const BAD_LENGTHS = [`${LENGTH}, ${LENGTH}`, `${LENGTH},0`, `+${LENGTH}`, `0x${HEX}`, "-1", `-${LENGTH}`, `${LENGTH}.0`]
  .concat([
    `${LENGTH}e0`,
    `1_0`,
    "",
    "99999999999999999999",
    "18446744073709551616",
    `${LENGTH};`,
    `${LENGTH} 0`,
    "ten",
  ])
  .map((value): [string, Shape] => [
    `Content-Length ${JSON.stringify(value)}`,
    [[400], withHead(`Content-Length: ${value}`)],
  ]);

/** Every way to name an encoding that Bun takes, beside a length: refused in both orders. */
const BOTH = ["chunked", "Chunked", " chunked", "\tchunked", "chunked,", "identity", "xchunked", ""].flatMap(
  (value) => {
    const encoding = `Transfer-Encoding: ${value}`;
    const name = JSON.stringify(value);
    return [
      [`Transfer-Encoding ${name} before Content-Length`, [[400], withHead(encoding, CL)]],
      [`Content-Length before Transfer-Encoding ${name}`, [[400], withHead(CL, encoding)]],
    ] satisfies [string, Shape][];
  },
);

export const FRAMING: Readonly<Record<string, Shape>> = {
  ...Object.fromEntries([...BOTH, ...BAD_ENCODINGS, ...BAD_LENGTHS]),
  "a length that hides the request behind the last chunk": [
    [400],
    ({ next }) => post([TE, `Content-Length: ${next.length + 5}`], `0\r\n\r\n${next}`),
  ],
  "Transfer-Encoding twice, equal": [[400], withHead(TE, TE)],
  "Transfer-Encoding twice, identity last": [[400], withHead(TE, "Transfer-Encoding: identity")],
  "Transfer-Encoding twice, identity first": [[400], withHead("Transfer-Encoding: identity", TE)],
  "Content-Length twice, equal": [[400], withHead(CL, CL)],
  "Content-Length twice, the second 0": [[400], withHead(CL, "Content-Length: 0")],
  "Content-Length twice, the first 0": [[400], withHead("Content-Length: 0", CL)],
  "Content-Length twice, one empty": [[400], withHead(CL, "Content-Length:")],
  "a space before the colon of Transfer-Encoding": [[400], withHead("Transfer-Encoding : chunked")],
  "a tab before the colon of Transfer-Encoding": [[400], withHead("Transfer-Encoding\t: chunked")],
  "a space before the colon of Content-Length": [[400], withHead(`Content-Length : ${LENGTH}`)],
  "Transfer-Encoding on a folded line": [[400], withHead("Transfer-Encoding:\r\n chunked")],
  "Content-Length on a folded line": [[400], withHead(`Content-Length:\r\n ${LENGTH}`)],
  "Transfer-Encoding behind a bare LF": [[400], withHead(`X-A: b\nTransfer-Encoding: chunked`, CL)],
  "Transfer-Encoding behind a bare CR": [[400], withHead(`X-A: b\rTransfer-Encoding: chunked`, CL)],
  "chunks in HTTP/1.0": [
    [400],
    ({ body, next }) => post([TE], chunked(body) + next, "POST /api/auth/register HTTP/1.0"),
  ],
  // Header names without a meaning. So the request has no body, and the bytes of its body are no
  // request.
  Transfer_Encoding: [[400, 400], withHead("Transfer_Encoding: chunked")],
  Content_Length: [[400, 400], withHead(`Content_Length: ${LENGTH}`)],
  "no length at all": [[400, 400], withHead()],
  // Valid, though unusual. RFC 9110 §5.6.1 has lists with empty members.
  "Transfer-Encoding in capitals": [[201], alone("TRANSFER-ENCODING: CHUNKED")],
  "Transfer-Encoding between blanks": [[201], alone("Transfer-Encoding: \t chunked \t")],
  "Transfer-Encoding with a comma behind": [[201], alone("Transfer-Encoding: chunked,")],
  "Content-Length between blanks": [[201], alone(`Content-Length: \t ${LENGTH} \t`)],
  "Content-Length with a zero before": [[201], alone(`Content-Length: 0${LENGTH}`)],
  "a Connection that names Content-Length": [[201], alone(CL, "Connection: Content-Length")],
  // Valid, and the next request follows.
  "a request behind one with a length": [[], withHead(CL), "carried"],
  "a request behind one in chunks": [[], withHead(TE), "carried"],
  "a request behind one that has the last word": [[201], withHead(CL, "Connection: close")],
  "a request behind one of HTTP/1.0": [
    [201],
    ({ body, next }) => post([CL, "Connection: keep-alive"], body + next, "POST /api/auth/register HTTP/1.0"),
  ],
};

export const CHUNKS: Readonly<Record<string, Shape>> = {
  "a size that is no number": [[400], withChunks((body) => chunked(body, "size"))],
  "an empty size": [[400], withChunks((body) => chunked(body, ""))],
  "a negative size": [[400], withChunks((body) => chunked(body, `-${HEX}`))],
  "a size with a plus": [[400], withChunks((body) => chunked(body, `+${HEX}`))],
  "a size with 0x": [[400], withChunks((body) => chunked(body, `0x${HEX}`))],
  "a size with a space before": [[400], withChunks((body) => chunked(body, ` ${HEX}`))],
  "a size with a space behind": [[400], withChunks((body) => chunked(body, `${HEX} `))],
  "a size of 17 digits": [[400], withChunks((body) => chunked(body, "f".repeat(17)))],
  "a size of 17 digits that is right once it overflows": [
    [400],
    withChunks((body) => chunked(body, `1${HEX.padStart(16, "0")}`)),
  ],
  // The bytes that follow are the beginning of the chunk. Nobody waits for its 4 GiB.
  "a size that is right once it is cut to 32 bits": [
    [408],
    withChunks((body) => chunked(body, `1${HEX.padStart(8, "0")}`)),
  ],
  "a size in the end of a line by LF": [[400], withChunks((body) => `${HEX}\n${body}\r\n0\r\n\r\n`)],
  "an extension with LF": [[400], withChunks((body) => chunked(body, `${HEX};a\n`))],
  "an extension with CR": [[400], withChunks((body) => chunked(body, `${HEX};a\rb`))],
  "an extension of 70 KB": [[413], withChunks((body) => chunked(body, `${HEX};${kb("a")}`))],
  "no CRLF behind a chunk": [[400], withChunks((body) => chunked(body, HEX, "0\r\n\r\n"))],
  "LF behind a chunk": [[400], withChunks((body) => chunked(body, HEX, "\n0\r\n\r\n"))],
  "other bytes behind a chunk": [[400], withChunks((body) => chunked(body, HEX, "XX0\r\n\r\n"))],
  "no last chunk": [[400], withChunks((body) => chunked(body, HEX, "\r\n"))],
  "a last chunk that ends by LF": [[400], withChunks((body) => chunked(body, HEX, "\r\n0\n\n"))],
  // Bun accepts no trailers. It answers with a refusal, although the request is complete without
  // them and is carried out. It ignores what trailers set, and never reads what follows them.
  "a trailer that sets Content-Length": [
    [400],
    withChunks((body) => chunked(body, HEX, "\r\n0\r\nContent-Length: 500\r\n\r\n")),
    "carried",
  ],
  "a trailer that sets Transfer-Encoding": [
    [400],
    withChunks((body) => chunked(body, HEX, "\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    "carried",
  ],
  "a trailer that is a request": [
    [400],
    ({ body, next }) => post([TE], chunked(body, HEX, `\r\n0\r\n${next}`)),
    "carried",
  ],
  "a trailer that is no header": [
    [400],
    withChunks((body) => chunked(body, HEX, "\r\n0\r\nnonsense\r\n\r\n")),
    "carried",
  ],
  "a trailer of 70 KB": [
    [400],
    withChunks((body) => chunked(body, HEX, `\r\n0\r\nX-A: ${kb("a")}\r\n\r\n`)),
    "carried",
  ],
  // Valid, though unusual.
  "a size of 17 digits, most of them zeros": [[201], aloneInChunks((body) => chunked(body, HEX.padStart(17, "0")))],
  "an extension": [[201], aloneInChunks((body) => chunked(body, `${HEX};a=b;c="d"`))],
  "a last chunk of two zeros": [[201], aloneInChunks((body) => chunked(body, HEX, "\r\n00\r\n\r\n"))],
};

export const HEADS: Readonly<Record<string, Shape>> = {
  "LF behind the request line": [[505], ({ next }) => `${GET}\n${HOST}\r\n\r\n${next}`],
  "LF behind a header": [[400], asking(GET, `${HOST}\nX-A: b`)],
  "LF at the end of the head": [[400], ({ next }) => `${GET}\r\n${HOST}\r\n\n${next}`],
  "LF everywhere": [[505], ({ next }) => `${GET}\n${HOST}\n\n${next}`],
  "CR behind the request line": [[505], ({ next }) => `${GET}\r${HOST}\r\n\r\n${next}`],
  "CR behind a header": [[400], asking(GET, `${HOST}\rX-A: b`)],
  "CR at the end of the head": [[400], ({ next }) => `${GET}\r\n${HOST}\r\n\r${next}`],
  "CR before CRLF": [[400], asking(GET, `${HOST}\r`)],
  "a folded line": [[400], asking(GET, HOST, "X-A: b", " c")],
  "a folded line that looks like a header": [[400], asking(GET, HOST, "X-A: b", "\tX-B: c")],
  "a folded line before any header": [[400], asking(GET, " X-A: b", HOST)],
  "a space before the colon": [[400], asking(GET, HOST, "X-A : b")],
  "NUL in a name": [[400], asking(GET, HOST, "X\0A: b")],
  "NUL in a value": [[400], asking(GET, HOST, "X-A: b\0c")],
  "a control character in a name": [[400], asking(GET, HOST, "X\x01A: b")],
  "a control character in a value": [[400], asking(GET, HOST, "X-A: b\x01c")],
  "a space in a name": [[400], asking(GET, HOST, "X A: b")],
  "brackets in a name": [[400], asking(GET, HOST, "X(A): b")],
  "a byte above 127 in a name": [[400], asking(GET, HOST, "X\xe9: b")],
  "an empty name": [[400], asking(GET, HOST, ": b")],
  "a line without a colon": [[400], asking(GET, HOST, "nonsense")],
  "no Host": [[400], asking(GET)],
  "two Hosts": [[400], asking(GET, HOST, "Host: other.test")],
  "the same Host twice": [[400], asking(GET, HOST, HOST)],
  "a list of Hosts": [[400], asking(GET, `${HOST}, other.test`)],
  "70 KB in one header": [[431], asking(GET, HOST, `X-A: ${kb("a")}`)],
  "5,000 headers": [[431], asking(GET, HOST, ...Array.from({ length: 5_000 }, (_, at) => `X-${at}: b`))],
  "250 small headers": [[431], asking(GET, HOST, ...Array.from({ length: 250 }, (_, at) => `X-${at}: b`))],
  "a request line of 70 KB": [[431], asking(`GET /${kb("a")} HTTP/1.1`, HOST)],
  // A server must accept the absolute form (RFC 9112 §3.2.2), and no response depends on the host.
  // The next request is read as usual.
  "an absolute target": [[200, 201], asking("GET http://other.test/health/live HTTP/1.1", HOST)],
  "an absolute target with a user": [[200, 201], asking("GET https://a:b@other.test/health/live HTTP/1.1", HOST)],
  "an absolute target of another scheme": [[400], asking("GET ftp://other.test/health/live HTTP/1.1", HOST)],
  "an authority for a target": [[400], asking("GET other.test:443 HTTP/1.1", HOST)],
  CONNECT: [[501], asking("CONNECT other.test:443 HTTP/1.1", "Host: other.test:443")],
  "an asterisk for a target": [[400], asking("OPTIONS * HTTP/1.1", HOST)],
  "a target without a slash": [[400], asking("GET health/live HTTP/1.1", HOST)],
  "a control character in the target": [[505], asking("GET /health/live\x01 HTTP/1.1", HOST)],
  "a space in the target": [[505], asking("GET /health /live HTTP/1.1", HOST)],
  "tabs in the request line": [[505], asking("GET\t/health/live\tHTTP/1.1", HOST)],
  "two spaces in the request line": [[400], asking("GET  /health/live HTTP/1.1", HOST)],
  "an empty line before": [[400], asking("", GET, HOST)],
  "a space before": [[400], asking(` ${GET}`, HOST)],
  // For an unknown method, Bun closes the connection without a response.
  "a method in small letters": [[], asking("get /health/live HTTP/1.1", HOST)],
  "an unknown method": [[], asking("SMUGGLE /health/live HTTP/1.1", HOST)],
  "a method that is no token": [[400], asking("G(T /health/live HTTP/1.1", HOST)],
  "HTTP/0.9": [[505], asking("GET /health/live")],
  "HTTP/0.9 by name": [[505], asking("GET /health/live HTTP/0.9", HOST)],
  "HTTP/1.2": [[505], asking("GET /health/live HTTP/1.2", HOST)],
  "HTTP/1.10": [[505], asking("GET /health/live HTTP/1.10", HOST)],
  "http/1.1": [[505], asking("GET /health/live http/1.1", HOST)],
  "the preface of HTTP/2": [[400], ({ next }) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0${next}`],
  // The offered upgrade is not accepted, and the request itself is answered.
  "an upgrade to HTTP/2": [
    [200, 201],
    asking(
      GET,
      HOST,
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    ),
  ],
  garbage: [[400], ({ next }) => `\x80\xff\x00garbage\r\n\r\n${next}`],
  "3,000 bytes of garbage": [
    [400],
    ({ next }) => String.fromCharCode(...Array.from({ length: 3_000 }, (_, at) => (at * 37) % 256)) + next,
  ],
  "a ClientHello of TLS": [
    [400],
    ({ next }) => `\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03${"\x11".repeat(154)}${next}`,
  ],
};
