import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { type FoundSecret, SecretScan } from "../../src/archive/secret-scan.ts";
import { DEFAULT_ARCHIVE_LIMITS, SECRET_CANDIDATES_MAX, SECRETS_MAX } from "../../src/domain/limits.ts";
import { tokenTextOf } from "../../src/domain/token-text.ts";
import { bytesOf, chunked, makeArchive } from "../support/archive-maker.ts";

/*
 * Secrets are assembled here, so that no scanner reports this file as a leak. None of them opens
 * anything.
 */

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE62 = BASE64.slice(0, 62);

/** Characters that look random and are the same on every run. */
function random(alphabet: string, length: number): string {
  let state = 2_463_534_242;
  return Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return alphabet[(state >>> 0) % alphabet.length];
  }).join("");
}

const token = tokenTextOf(Uint8Array.from({ length: 64 }, (_, at) => (at * 37) % 248));
const body = `${random(BASE64, 64)}\n${random(BASE64, 64)}\nABCD==\n`;

function pem(label: string, headers = ""): string {
  return `-----BEGIN ${label}-----\n${headers}${body}-----END ${label}-----\n`;
}

/** Every OpenSSH key without a passphrase begins like this; it has little variety. */
const OPENSSH_BEGINNING = Buffer.from(
  "openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\0\0\0\x33\0\0\0",
).toString("base64");

const ppk = [
  "PuTTY-User-Key-File-3: ssh-ed25519",
  "Encryption: aes256-cbc",
  "Comment: eddsa-key-20260101",
  "Public-Lines: 2",
  body,
].join("\r\n");

const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
const pkcs8 = String(rsa.export({ type: "pkcs8", format: "pem" }));

/** Every form of every kind. */
const SECRETS: readonly (readonly [FoundSecret["kind"], string, string])[] = [
  ["private_key", "PKCS#8, by OpenSSL", pkcs8],
  ["private_key", "RSA, by OpenSSL", String(rsa.export({ type: "pkcs1", format: "pem" }))],
  [
    "private_key",
    "encrypted, by OpenSSL",
    String(rsa.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })),
  ],
  [
    "private_key",
    "Ed25519, by OpenSSL",
    String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" })),
  ],
  ["private_key", "EC", pem("EC PRIVATE KEY")],
  ["private_key", "DSA", pem("DSA PRIVATE KEY")],
  ["private_key", "OpenSSH", `-----BEGIN OPENSSH PRIVATE KEY-----\n${OPENSSH_BEGINNING}\n${body}`],
  ["private_key", "PGP", pem("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\nComment: none\n\n")],
  [
    "private_key",
    "encrypted RSA",
    pem("RSA PRIVATE KEY", `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,${"0F".repeat(16)}\n\n`),
  ],
  ["private_key", "PuTTY", ppk],
  ["private_key", "with CRLF", pkcs8.replaceAll("\n", "\r\n")],
  ["private_key", "indented in YAML", pkcs8.replaceAll("\n", "\n      ")],
  ["private_key", "a Google service account's", JSON.stringify({ private_key: pkcs8 })],
  ["private_key", "escaped twice", JSON.stringify(JSON.stringify({ private_key: pkcs8 }))],
  ["private_key", "joined strings", `"${pkcs8.trim().replaceAll("\n", '\\n" +\n  "')}"`],
  ["private_key", "in one line", pkcs8.replaceAll("\n", " ")],
  ["api_token", "ours", token],
  ["api_token", "in a word", `x${token}y`],
  ["aws_access_key", "long-lived", `AKIA${random(`${BASE64.slice(0, 26)}234567`, 16)}`],
  ["aws_access_key", "temporary", `ASIA${random(`${BASE64.slice(0, 26)}234567`, 16)}`],
  [
    "azure_storage_key",
    "connection string",
    `DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=${random(BASE64, 86)}==;EndpointSuffix=core.windows.net`,
  ],
  ["digitalocean_token", "personal", `dop_v1_${random("0123456789abcdef", 64)}`],
  ["digitalocean_token", "OAuth", `doo_v1_${random("0123456789abcdef", 64)}`],
  ["digitalocean_token", "refresh", `dor_v1_${random("0123456789abcdef", 64)}`],
  ...["p", "o", "u", "s", "r"].map(
    (letter) => ["github_token", `gh${letter}_`, `gh${letter}${token.slice(3)}`] as const,
  ),
  ["github_token", "fine-grained", `github_pat_${random(BASE62, 22)}_${random(BASE62, 59)}`],
  ["gitlab_token", "personal", `glpat-${random(BASE62, 20)}`],
  ["gitlab_token", "routable", `glpat-${random(BASE62, 27)}.01${random("0123456789abc", 7)}`],
  ["google_api_key", "key", `AIza${random(BASE62, 35)}`],
  ["npm_token", "token", `npm_${random(BASE62, 36)}`],
  ["slack_token", "bot", `xoxb-781236542736-2364535789652-${random(BASE62, 24)}`],
  ["slack_token", "user", `xoxp-41684372915-1320496754-45609968301-${random("0123456789abcdef", 32)}`],
  ["slack_token", "workspace", `xoxa-2-511111119-31111111911-3111111111911-${random("0123456789abcdef", 18)}`],
  ["stripe_key", "secret", `sk_live_${random(BASE62, 24)}`],
  ["stripe_key", "restricted", `rk_live_${random(BASE62, 99)}`],
];

/** Text that is nearly a secret, as in documentation and templates. */
const HARMLESS: readonly (readonly [string, string])[] = [
  ["a header alone", "The file begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----."],
  ["a header in a README", "```\n-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n```"],
  ["a template", "-----BEGIN PRIVATE KEY-----\n{{ .Values.key | indent 2 }}\n-----END PRIVATE KEY-----"],
  ["a template behind armour", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{{ .Values.key }}"],
  [
    "prose for a body",
    "-----BEGIN PRIVATE KEY-----\nyour private key with all of its many lines goes in here\n-----END",
  ],
  ["one character for a body", `-----BEGIN PRIVATE KEY-----\n${"X".repeat(64)}\n${"X".repeat(64)}\n-----END`],
  ["an empty key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"],
  ["a public key", pem("PUBLIC KEY")],
  ["a certificate", pem("CERTIFICATE")],
  ["a PGP public key", pem("PGP PUBLIC KEY BLOCK")],
  ["an encrypted message", pem("PGP MESSAGE")],
  ["PuTTY's header alone", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: {{ n }}\n"],
  ["our token with another checksum", `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`],
  ["our token, too short", token.slice(0, -1)],
  ["our prefix", "cpm_your_token_goes_here_and_nowhere_else"],
  ["AWS's example", "AKIAIOSFODNN7EXAMPLE"],
  ["AWS's other example", "AKIAI44QH8DHBEXAMPLE"],
  ["AWS, one character", "AKIAXXXXXXXXXXXXXXXX"],
  ["AWS, in lower case", `AKIA${random("abcdefghijklmnop", 16)}`],
  ["AWS, too long", `AKIA${random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 17)}`],
  ["AWS, in a word", `TODAYINASIA${random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`],
  ["AWS, digits its keys do not have", "AKIAQW0E1R8T9YUIOPAS"],
  [
    "Azure's emulator",
    `AccountName=devstoreaccount1;AccountKey=${"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="};`,
  ],
  ["Azure, a variable", "AccountKey={{ .Values.accountKey }}"],
  ["Azure, too short", `AccountKey=${random(BASE64, 40)}==`],
  ["DigitalOcean, too short", `dop_v1_${random("0123456789abcdef", 63)}`],
  ["DigitalOcean, one character", `dop_v1_${"a".repeat(64)}`],
  ["GitHub, without its checksum", `ghp_${random(BASE62, 36)}`],
  ["GitHub, fine-grained, too short", `github_pat_${random(BASE62, 22)}_${random(BASE62, 58)}`],
  ["GitLab, words", "glpat-your-personal-access"],
  ["GitLab, one character", "glpat-XXXXXXXXXXXXXXXXXXXX"],
  ["GitLab, too long", `glpat-${random(BASE62, 21)}`],
  ["Google, one character", `AIza${"a".repeat(35)}`],
  ["Google, an alphabet", "AIzaSyabcdefghijklmnopqrstuvwxyz1234567"],
  ["Google, in a word", `xAIza${random(BASE62, 35)}`],
  ["npm's settings", "npm_config_registry=https://registry.npmjs.org npm_package_version"],
  ["npm, words", `npm_${"wordsandnothingbutwordsinonelongrow".padEnd(36, "s")}`],
  ["Slack, in its documentation", "xoxb-not-a-real-token-this-will-not-work"],
  ["Slack, one character", "xoxb-xxxxxxxxxxx-xxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx"],
  ["Slack, hugs", "xoxo-2026-01-01-with-love-and-kisses"],
  ["Stripe, test mode", `sk_test_${random(BASE62, 24)}`],
  ["Stripe, words", "sk_live_yoursecretkeygoesinhere"],
  ["zeros", "\0".repeat(70_000)],
];

function scan(bytes: Uint8Array, pieceBytes: number, path = "a"): SecretScan {
  const found = new SecretScan();
  found.fileStart(path, bytes.length);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const lent = bytes.slice(at, at + pieceBytes);
    found.push(lent);
    lent.fill(0);
  }
  found.fileEnd();
  return found;
}

describe("SecretScan", () => {
  test.each(SECRETS)("finds a %s, %s, in its line, however it is cut", (kind, _, secret) => {
    for (const pieceBytes of [1, 7, 4_096]) {
      const { found } = scan(bytesOf(`# é\n\nkey: ${secret} \n`), pieceBytes, "files/x");
      expect(found).toEqual([{ path: "files/x", line: 3, kind }]);
      expect(scan(bytesOf(secret), pieceBytes).found).toEqual([{ path: "a", line: 1, kind }]);
    }
  });

  test.each(SECRETS)("finds a %s, %s, wherever its window ends", (kind, _, secret) => {
    const bytes = new Uint8Array(65_536 + 2_000).fill(0x0a);
    for (const at of [62_000, 64_509, 64_511, 64_512, 64_513, 65_500, 65_535, 65_536]) {
      const placed = bytes.slice();
      placed.set(bytesOf(secret), at);
      expect(scan(placed, 65_536).found).toEqual([{ path: "a", line: at + 1, kind }]);
    }
  });

  test.each(HARMLESS)("does not find %s", (_, text) => {
    for (const pieceBytes of [1, 4_096]) expect(scan(bytesOf(`key: ${text}\n`), pieceBytes).found).toEqual([]);
  });

  test("finds a secret after an escaped line break, as in JSON", () => {
    expect(scan(bytesOf(JSON.stringify(`a\nglpat-${random(BASE62, 20)}\n`)), 7).found).toHaveLength(1);
  });

  test("has the same result however a file is cut into chunks", () => {
    const parts = [...SECRETS.map(([, , secret]) => secret), ...HARMLESS.map(([, text]) => text), "\n", "é", " "];
    const file = fc.array(fc.constantFrom(...parts), { maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(file, cuts, (texts, sizes) => {
        const bytes = bytesOf(texts.join("\n"));
        const cut = new SecretScan();
        cut.fileStart("a", bytes.length);
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          cut.push(bytes.subarray(at, at + size));
          at += size;
        }
        cut.fileEnd();
        expect(cut.found).toEqual(scan(bytes, bytes.length || 1).found);
      }),
    );
  });

  test("finds no secret that begins in one file and ends in the next", () => {
    const files = new SecretScan();
    for (const [path, text] of [
      ["a", `\n${token.slice(0, 20)}`],
      ["b", token.slice(20)],
      ["c", token],
    ] as const) {
      files.fileStart(path, bytesOf(text).length);
      files.push(bytesOf(text));
      files.fileEnd();
    }
    expect(files.found).toEqual([{ path: "c", line: 1, kind: "api_token" }]);
  });

  test("lists fifty secrets in the order of the file and counts the rest", () => {
    const lines = Array.from({ length: 80 }, (_, at) => (at % 2 === 0 ? token : `npm_${random(BASE62, 36)}`));
    const { found, leftOut } = scan(bytesOf(lines.join("\n")), 4_096);
    expect(found.map(({ line }) => line)).toEqual(Array.from({ length: SECRETS_MAX }, (_, at) => at + 1));
    expect(leftOut).toBe(30);
  });

  test("gives up when everything looks like the start of a secret, and reports it", () => {
    const starts = "cpm_\n".repeat(SECRET_CANDIDATES_MAX - 1);
    expect(scan(bytesOf(starts + token), 4_096)).toMatchObject({ found: [{ line: SECRET_CANDIDATES_MAX }] });
    const more = scan(bytesOf(`${starts}cpm_\ncpm_\n${token}`), 4_096);
    expect(more).toMatchObject({ found: [], gaveUp: true });
  });
});

describe("an archive's inspection", () => {
  const SOUND = { "colony.yaml": "name: a\nversion: 1.0.0\n", "values.yaml": "a: 1\n", "templates/a.tpl": "" };

  test("lists the places of secrets but never the secrets, and does not reject the archive", async () => {
    const files = { ...SOUND, "colony.yaml": `${SOUND["colony.yaml"]}description: ${token}\n`, "x/id_rsa": pkcs8 };
    const inspection = await inspectArchive(chunked(makeArchive(files), 100), DEFAULT_ARCHIVE_LIMITS);
    expect(inspection).toMatchObject({
      secrets: [
        { path: "colony.yaml", line: 3, kind: "api_token" },
        { path: "x/id_rsa", line: 1, kind: "private_key" },
      ],
      secretsLeftOut: 0,
      warnings: [],
    });
    expect(JSON.stringify(inspection.secrets)).not.toContain(token.slice(4, 12));
  });

  test("reports no secrets when there are none", async () => {
    const files = { ...SOUND, "README.md": HARMLESS.map(([, text]) => text).join("\n") };
    const { secrets, secretsLeftOut, warnings } = await inspectArchive(
      chunked(makeArchive(files)),
      DEFAULT_ARCHIVE_LIMITS,
    );
    expect({ secrets, secretsLeftOut }).toEqual({ secrets: [], secretsLeftOut: 0 });
    expect(warnings.map(({ code }) => code)).toEqual(["text_not_utf8"]);
  });

  test("has a warning when the archive was not searched to its end", async () => {
    const files = { ...SOUND, "x.txt": "cpm_".repeat(SECRET_CANDIDATES_MAX + 1) };
    const { warnings } = await inspectArchive(chunked(makeArchive(files)), DEFAULT_ARCHIVE_LIMITS);
    expect(warnings.map(({ code }) => code)).toEqual(["secrets_not_searched"]);
  });
});
