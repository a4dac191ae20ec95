import { BlockList } from "node:net";
import { ChangePasswordBody, LoginBody, RegisterBody, ResetBody } from "../../../src/accounts/schemas.ts";
import { isHttpLink } from "../../../src/domain/http-link.ts";
import { foldIdentity } from "../../../src/domain/identity.ts";
import { parseJsonText } from "../../../src/domain/json-text.ts";
import { explainPackageName } from "../../../src/domain/package-name.ts";
import { isReplacement } from "../../../src/domain/replacement.ts";
import { isReservedUsername } from "../../../src/domain/reserved-usernames.ts";
import { isTokenText } from "../../../src/domain/token-text.ts";
import { parseVersion } from "../../../src/domain/version.ts";
import { isVersionRange } from "../../../src/domain/version-range.ts";
import { jsonBody, mediaType } from "../../../src/http/body.ts";
import { clientBehind, clientNetwork } from "../../../src/http/client-address.ts";
import { matchesEntityTag } from "../../../src/http/entity-tag.ts";
import { readUpload } from "../../../src/http/multipart.ts";
import { requestIdFrom } from "../../../src/http/request-id.ts";
import { askedTags } from "../../../src/packages/asked-tags.ts";
import { knownParameters, PackageStatusBody, YankBody } from "../../../src/packages/schemas.ts";
import { requirePublishParameters } from "../../../src/publish/schemas.ts";
import { escapeUnprintable, printableJson, printableLines } from "../../../src/runtime/printable.ts";
import { oneTypoFrom } from "../../../src/search/one-typo.ts";
import { indexTermsOf } from "../../../src/search/terms.ts";
import { parseSearch, similarityTo, wordsOf } from "../../../src/search/words.ts";
import { CreateTokenBody } from "../../../src/tokens/schemas.ts";
import { ofBody, ofBytes, ofText } from "./scanners.ts";

const NAMES = ["a", "a-", "a_", "a.", "-", ".", "--", "A", "con", "1", "rn", "s", "*", "-*"] as const;
const VERSIONS = [
  "1",
  ".",
  "1.",
  "1.0.0",
  "-",
  "-a",
  "-0",
  "+",
  "+a",
  "+a.",
  "v",
  "=",
  "x",
  ">=",
  " ",
  "9007199254740991",
] as const;
const WORDS = [
  "a",
  "ab ",
  "-",
  "é",
  "ﷺ",
  "\u0316\u0301",
  "\u0301",
  "ß",
  "İ",
  "中",
  "😀",
  "\u200b",
  "_",
  "%",
  "1",
] as const;
const ADDRESSES = [
  "10.0.0.1",
  ",",
  ", ",
  "[",
  "]",
  "::",
  ":1",
  "ffff:",
  "::ffff:1.2.3.4",
  "1",
  ".",
  "%",
  "999",
] as const;
const JSON_TOKENS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  '"a"',
  '"a":',
  "\\u0000",
  "\\ud800",
  "\\\\",
  '\\"',
  "1",
  "1e9",
  "-",
  "null",
] as const;
const FORM = [
  "--b\r\n",
  "--b",
  "\r\n--b--",
  "\r\n",
  "\r",
  "-",
  'Content-Disposition: form-data; name="archive"; filename="a"\r\n\r\n',
  'Content-Disposition: form-data; name="name"\r\n\r\n',
  "Content-Disposition: form-data; name*=utf-8''%41; ",
  "X: y\r\n",
  ";",
  '"',
] as const;
const PARAMETERS = ["tags=a", "&", "tag=", ",", "%2c", "%", "+", "=", "dryRun=true", "search=", "%e2%80%8b"] as const;

/** Bun accepts no longer head of a request. */
const HEAD = { maxBytes: 16_384 };
const BODY = { maxBytes: 65_536 };

const proxies = new BlockList();
proxies.addSubnet("10.0.0.0", 8);
proxies.addSubnet("::", 0, "ipv6");

const request = (headers: Record<string, string>, body?: Uint8Array<ArrayBuffer>) =>
  new Request("http://localhost/", { headers, ...(body === undefined ? {} : { method: "POST", body }) });

/** Header values that `Headers` refuses never arrive. */
function ofHeader(name: string, tokens: readonly [string, ...string[]], scan: (value: string) => unknown) {
  return ofText(name, tokens, (text) => scan(text.replaceAll(/[^\x20-\x7e]/g, "~")), HEAD);
}

async function readForm(bytes: Buffer): Promise<void> {
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  await readUpload(request(headers, new Uint8Array(bytes)), {
    fileField: "archive",
    textFields: ["name"],
    fileMaxBytes: 4 * 1024 * 1024,
    discard: async () => undefined,
    receive: async (chunks) => {
      for await (const _ of chunks);
    },
  });
}

function readParameters(text: string): void {
  const parameters = new URLSearchParams(text);
  askedTags(parameters);
  requirePublishParameters(parameters);
  knownParameters(parameters);
}

/** Folding makes eighteen characters of some, in each of three texts. */
function indexTerms(text: string): string[] {
  return indexTermsOf({ packageId: 1, name: "a", tags: [text], authors: [text], description: text, downloads: 0 });
}

/** The headers, parameters and bodies of requests. */
export const REQUEST_SCANNERS = [
  ofHeader("X-Forwarded-For", ADDRESSES, (value) => clientBehind(proxies, "10.0.0.1", value)),
  ofHeader("client network", ADDRESSES, clientNetwork),
  ofHeader("If-None-Match", ['"a"', "W/", ",", " ", "*", '"'], (value) => matchesEntityTag(value, '"b"')),
  ofHeader("X-Request-Id", ["a", ".", "-", " "], (value) => requestIdFrom(new Headers({ "x-request-id": value }))),
  ofHeader("Content-Type", ["application/json", ";", " ", "/", "multipart/form-data; boundary="], (value) =>
    mediaType(request({ "content-type": value })),
  ),
  ofText("parameters", PARAMETERS, readParameters, HEAD),
  ofBytes("multipart form", FORM, readForm),
  ofText("JSON", JSON_TOKENS, (text) => parseJsonText(text)),
  ofBytes(
    "JSON body",
    JSON_TOKENS,
    (bytes) => jsonBody({ request: request({ "content-type": "application/json" }, new Uint8Array(bytes)) }),
    BODY,
  ),
  ofBody("body of a registration", ["a", "@", ".", "-", "_", "😀", "\ud83d", "\u0001"], RegisterBody),
  ofBody("body of a reset", ["a", "-", "😀", "\ud83d"], ResetBody),
  ofBody("body of a login", ["a", "@", "😀"], LoginBody),
  ofBody("body of a new password", ["a", "😀", "\ud83d"], ChangePasswordBody),
  ofBody("body of a token", NAMES, CreateTokenBody),
  ofBody("body of a yank", ["a", "\u0001", "@1.0.0"], YankBody),
  ofBody("body of a status", ["a", "\u0001", "-"], PackageStatusBody),
  ofText("package name", NAMES, explainPackageName),
  ofText("version", VERSIONS, parseVersion),
  ofText("range of versions", [...VERSIONS, " - ", "||", "|", ",", "~>", "^", "*", "X"], isVersionRange),
  ofText("replacement", [...VERSIONS, "@", "a"], isReplacement),
  ofText("user name", ["a", "rn", "s", "1", "-", "."], isReservedUsername, BODY),
  ofText("identity", [...WORDS, "@"], foldIdentity, BODY),
  ofText("API token", ["cpm_", "a", "0"], isTokenText),
  ofText("link", ["http://", "https:", "/", ".", "@", ":", "%", "#", "[", "xn--", "é"], isHttpLink, {
    maxBytes: 4_096,
  }),
  ofText("words", WORDS, wordsOf),
  ofText("search", [...WORDS, "\u0000"], parseSearch),
  ofText("similar names", NAMES, (text) => similarityTo(text)("a-name")),
  ofText("typing errors", NAMES, oneTypoFrom),
  ofText("index terms", WORDS, indexTerms, { nsPerByteMax: 2_000 }),
  ofText("unprintable characters", ["\u200b", "\u202e", "a", "\ud800", "\n"], (text) => [
    escapeUnprintable(text),
    printableLines(text),
    printableJson(text),
  ]),
];
