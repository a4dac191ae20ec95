import { isTokenText } from "../domain/token-text.ts";

/**
 * The kind of a secret. Clients act on these: kinds may be added, but none may change its meaning.
 */
export type SecretKind =
  | "private_key"
  | "api_token"
  | "aws_access_key"
  | "azure_storage_key"
  | "digitalocean_token"
  | "github_token"
  | "gitlab_token"
  | "google_api_key"
  | "npm_token"
  | "slack_token"
  | "stripe_key";

/** One way in which a secret is written. */
export interface SecretForm {
  readonly kind: SecretKind;
  /** Every secret of this form begins with one of these. */
  readonly starts: readonly string[];
  /**
   * A sticky expression, matched on bytes as latin1. It never matches more than `SECRET_MAX_BYTES`.
   */
  readonly form: RegExp;
  /** Distinguishes a real secret from a placeholder, by the first group of the form. */
  readonly isReal: (evidence: string) => boolean;
}

/** The length of the longest secret, including what must follow it. */
export const SECRET_MAX_BYTES = 1_024;
/** The number of bytes before its start that a form looks at. */
export const SECRET_BEHIND_BYTES = 2;

const KEY_TEXT_CHARS = 900;
/** Armour headers and the first line of the key; empty lines are not counted. */
const KEY_TEXT_LINES = 12;
/**
 * The margins of a line: line breaks (escaped ones too), indentation, comment signs, and the quotes
 * between strings that a program joins.
 */
const LINE_MARGINS = /(?:[\s"'`+,#*/>|-]|\\+[rn])*/y;
/** `Proc-Type: 4,ENCRYPTED`, `Version: GnuPG v2`, `Public-Lines: 6`. */
const ARMOR_HEADER = /^[A-Za-z][A-Za-z-]{1,30}: /;
/** The first line of every key is longer than this; a shorter line is a word of prose. */
const KEY_LINE = /^[A-Za-z0-9+/]{40}/;
const KEY_LINE_ENTROPY = 3;
/**
 * Enough characters of a line to decide whether it is an armour header or the first line of a key.
 */
const LINE_START_CHARS = 40;

/** What people write instead of a secret. By chance it occurs in one of some million secrets. */
const PLACEHOLDER = /example|placeholder|x{5}|0{5}|12345678|abcdefgh/i;

/** The keys of every Azure Storage and Cosmos DB emulator, documented by Microsoft. */
const EMULATOR_KEYS = new Set([
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
  "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",
]);

/** Returns the Shannon entropy in bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/**
 * Distinguishes random characters from words: they are varied, and among 16 or more there is a
 * digit or a capital.
 */
function isRandom(entropyMin: number): (text: string) => boolean {
  return (text) => /[0-9A-Z]/.test(text) && entropyOf(text) >= entropyMin && !PLACEHOLDER.test(text);
}

const BACKSLASH = 0x5c;
const isBreak = (code: number) => code === 0x0a || code === 0x0d;
/** Whether a backslash turns this character into a line break: `n` or `r`. */
const isEscapedBreak = (code: number) => code === 0x6e || code === 0x72;

/**
 * Returns the end of the line at `from`. A line ends with a line break, or with one that is escaped
 * any number of times, as in JSON. Each character is looked at once: searching for these breaks
 * with a regular expression takes quadratic time on backslashes.
 */
function lineEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (isBreak(text.charCodeAt(at))) return at;
    const marksAt = at;
    while (text.charCodeAt(at) === BACKSLASH) at += 1;
    if (at > marksAt && isEscapedBreak(text.charCodeAt(at))) return marksAt;
    if (at > marksAt) at -= 1;
  }
  return text.length;
}

/**
 * Returns whether the base64 of a key follows a header, after armour headers. In a template,
 * something else follows.
 */
function hasKeyBody(text: string): boolean {
  let at = 0;
  for (let lines = 0; lines < KEY_TEXT_LINES; lines += 1) {
    LINE_MARGINS.lastIndex = at;
    at += LINE_MARGINS.exec(text)?.[0].length ?? 0;
    const content = text.slice(at, at + LINE_START_CHARS);
    if (!ARMOR_HEADER.test(content)) {
      const [body] = KEY_LINE.exec(content) ?? [];
      return body !== undefined && entropyOf(body) >= KEY_LINE_ENTROPY;
    }
    at = lineEnd(text, at);
  }
  return false;
}

/**
 * GitHub's tokens end with the same checksum as those of this registry ("Behind GitHub's new
 * authentication token formats", 2021).
 */
function hasChecksum(payload: string): boolean {
  return isTokenText(`cpm_${payload}`);
}

/**
 * Builds the form `body` that does not match inside a word. A `\n` in a JSON string ends the word
 * before it.
 */
function separate(body: string): RegExp {
  return new RegExp(`(?<=^|\\W|\\\\[nrt])${body}(?![\\w-])`, "y");
}

/**
 * The forms that the leak guard searches for. Each follows the rule of gitleaks
 * (config/gitleaks.toml) with its entropy, unless a comment says otherwise. A checksum is stronger
 * evidence than entropy and needs no border.
 *
 * It does not find secrets in UTF-16, secrets that were encoded again in base64, or secrets that
 * are split over two strings.
 */
export const SECRET_FORMS: readonly SecretForm[] = [
  {
    // RFC 7468 (PKCS#8), OpenSSL's RSA, EC and DSA, OpenSSH's PROTOCOL.key, RFC 9580 §6.2 (PGP).
    // Also the key of a Google service account.
    kind: "private_key",
    starts: ["-----BEGIN "],
    form: new RegExp(
      `-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----([\\s\\S]{0,${KEY_TEXT_CHARS}})`,
      "y",
    ),
    isReal: hasKeyBody,
  },
  {
    // PuTTY's manual, appendix C.1. The public half comes first, but the file always holds the
    // private half.
    kind: "private_key",
    starts: ["PuTTY-User-Key-File-"],
    form: new RegExp(`PuTTY-User-Key-File-[1-3]: [\\w@.-]{1,64}([\\s\\S]{0,${KEY_TEXT_CHARS}})`, "y"),
    isReal: hasKeyBody,
  },
  { kind: "api_token", starts: ["cpm_"], form: /cpm_([0-9A-Za-z]{36})/y, isReal: hasChecksum },
  {
    // Matches only the identifier, which hardly occurs by chance. The secret key next to it has no
    // form that could be recognised. AWS's documented examples end in EXAMPLE.
    kind: "aws_access_key",
    starts: ["AKIA", "ASIA"],
    form: separate("A[KS]IA([A-Z2-7]{16})"),
    isReal: isRandom(2.5),
  },
  {
    // The rule azure_storage of trufflehog, with the length of 64 bytes.
    kind: "azure_storage_key",
    starts: ["AccountKey="],
    form: /AccountKey=([A-Za-z0-9+/]{86}==)/y,
    isReal: (key) => !EMULATOR_KEYS.has(key) && isRandom(4)(key),
  },
  {
    kind: "digitalocean_token",
    starts: ["dop_v1_", "doo_v1_", "dor_v1_"],
    form: separate("do[por]_v1_([a-f0-9]{64})"),
    isReal: isRandom(3),
  },
  {
    kind: "github_token",
    starts: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    form: /gh[pousr]_([0-9A-Za-z]{36})/y,
    isReal: hasChecksum,
  },
  {
    kind: "github_token",
    starts: ["github_pat_"],
    form: separate("github_pat_([0-9A-Za-z]{22}_[0-9A-Za-z]{59})"),
    isReal: isRandom(3),
  },
  {
    // The second alternative is for routable tokens.
    kind: "gitlab_token",
    starts: ["glpat-"],
    form: separate("glpat-([0-9A-Za-z_-]{20}|[0-9A-Za-z_-]{27,300}\\.[0-9a-z]{9})"),
    isReal: isRandom(3),
  },
  {
    kind: "google_api_key",
    starts: ["AIza"],
    form: separate("AIza([0-9A-Za-z_-]{35})"),
    isReal: isRandom(4),
  },
  { kind: "npm_token", starts: ["npm_"], form: separate("npm_([0-9A-Za-z]{36})"), isReal: isRandom(3.5) },
  {
    // The five rules of gitleaks for bot, user and workspace tokens in one.
    kind: "slack_token",
    starts: ["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-"],
    form: separate("xox[abepr]-(?:[0-9]-)?(?:[0-9]{8,14}-){1,3}([0-9A-Za-z]{18,64})"),
    isReal: isRandom(2.5),
  },
  {
    // The rule stripe of trufflehog, for keys of the live mode. Keys of the test mode move no
    // money.
    kind: "stripe_key",
    starts: ["sk_live_", "rk_live_"],
    form: separate("[rs]k_live_([0-9A-Za-z]{20,247})"),
    isReal: isRandom(3),
  },
];
