import { secondsText } from "../signing/key-statements.ts";
import { SIGNATURE_SCHEMES, type SignatureScheme } from "../signing/statement.ts";
import { decodeBase64, parseDecimal } from "./encoding.ts";
import { type KeyEntry, keyText, parseKey } from "./key-leaf.ts";
import { type LogEntry, logText, parseLog } from "./log-leaf.ts";
import { parseStatus, type StatusEntry, statusText } from "./status-leaf.ts";

/*
 * The leaves of the log (docs/log-format.md): ASCII, LF, a final LF. Only the leaf of a change of
 * the log itself is a signed note, with its empty line and its dashes. Names, versions and user
 * names are opaque words here. The present rules for them do not apply, because a log must stay
 * readable when rules change.
 */

/** The largest leaf. */
export const LEAF_MAX_BYTES = 1_024;

/** A published version. The log has at most one such leaf for a name and version, for ever. */
export interface VersionEntry {
  readonly name: string;
  readonly version: string;
  /** Lower-case hex of the archive's digest. */
  readonly sha256: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly publicKey: string;
  readonly scheme: SignatureScheme;
  /** Base64. */
  readonly signature: string;
  /** The leaf has whole seconds only. */
  readonly publishedAt: Date;
}

const YANK_ACTIONS = ["yank", "unyank"] as const;

/** A yank or unyank of a version. `seq` numbers the yanks and unyanks of one version. */
export interface YankEntry {
  readonly name: string;
  readonly version: string;
  readonly seq: number;
  readonly action: (typeof YANK_ACTIONS)[number];
  readonly by: string;
}

/** Any leaf of the log. */
export type Leaf =
  | ({ readonly kind: "version" } & VersionEntry)
  | ({ readonly kind: "yank" } & YankEntry)
  | ({ readonly kind: "key" } & KeyEntry)
  | ({ readonly kind: "status" } & StatusEntry)
  | ({ readonly kind: "log" } & LogEntry);

const VERSION_LEAF =
  /^cpm\.version\/v1 ([!-~]+) ([!-~]+)\nsha256 ([0-9a-f]{64})\nsize (\d+)\nsigner ed25519 ([0-9a-f]{64})\nsignature ([!-~]+) ([!-~]+)\npublished ([!-~]+)\n$/;
const YANK_LEAF = /^cpm\.yank\/v1 ([!-~]+) ([!-~]+) (\d+) ([a-z]+)\nby ([!-~]+)\n$/;

/** Formats the leaf of a version. Throws RangeError for values that `parseLeaf` would refuse. */
export function versionLeaf(entry: VersionEntry): string {
  return readable(versionText(entry));
}

/** Formats the leaf of a yank. Throws RangeError for values that `parseLeaf` would refuse. */
export function yankLeaf(entry: YankEntry): string {
  return readable(yankText(entry));
}

/** Formats the leaf of a key change. Throws RangeError for values that `parseLeaf` would refuse. */
export function keyLeaf(entry: KeyEntry): string {
  return readable(keyText(entry));
}

/** Formats the leaf of a status. Throws RangeError for values that `parseLeaf` would refuse. */
export function statusLeaf(entry: StatusEntry): string {
  return readable(statusText(entry));
}

/**
 * Formats the leaf of a change of the log. Throws RangeError for values that `parseLeaf` would
 * refuse.
 */
export function logLeaf(entry: LogEntry): string {
  return readable(logText(entry));
}

/** Parses a leaf. Returns undefined unless formatting the result gives the same text again. */
export function parseLeaf(text: string): Leaf | undefined {
  const leaf = parseVersionLeaf(text) ?? parseYankLeaf(text) ?? parseKey(text) ?? parseStatus(text) ?? parseLog(text);
  if (leaf === undefined || Buffer.byteLength(text) > LEAF_MAX_BYTES) return undefined;
  return textOf(leaf) === text ? leaf : undefined;
}

function readable(text: string): string {
  if (parseLeaf(text) === undefined) throw new RangeError(`no leaf of the log: ${JSON.stringify(text)}`);
  return text;
}

function textOf(leaf: Leaf): string {
  switch (leaf.kind) {
    case "version":
      return versionText(leaf);
    case "yank":
      return yankText(leaf);
    case "key":
      return keyText(leaf);
    case "status":
      return statusText(leaf);
    case "log":
      return logText(leaf);
  }
}

/**
 * Formats the leaf of an entry that `parseLeaf` returned. It does not look for values that have no
 * leaf.
 */
export function versionText(entry: VersionEntry): string {
  const { name, version, sha256, size, publicKey, scheme, signature, publishedAt } = entry;
  const archive = `sha256 ${sha256}\nsize ${size}\n`;
  const signed = `signer ed25519 ${publicKey}\nsignature ${scheme} ${signature}\n`;
  return `cpm.version/v1 ${name} ${version}\n${archive}${signed}published ${secondsText(publishedAt)}\n`;
}

function yankText({ name, version, seq, action, by }: YankEntry): string {
  return `cpm.yank/v1 ${name} ${version} ${seq} ${action}\nby ${by}\n`;
}

function parseVersionLeaf(text: string): Leaf | undefined {
  const [, name = "", version = "", sha256 = "", sizeText = "", publicKey = "", schemeText, signature = "", time = ""] =
    VERSION_LEAF.exec(text) ?? [];
  const size = parseDecimal(sizeText);
  const scheme = SIGNATURE_SCHEMES.find((known) => known === schemeText);
  const publishedAt = new Date(time);
  if (size === undefined || scheme === undefined || Number.isNaN(publishedAt.getTime())) return undefined;
  if (decodeBase64(signature)?.length !== 64) return undefined;
  return { kind: "version", name, version, sha256, size, publicKey, scheme, signature, publishedAt };
}

function parseYankLeaf(text: string): Leaf | undefined {
  const [, name = "", version = "", seqText = "", actionText, by = ""] = YANK_LEAF.exec(text) ?? [];
  const seq = parseDecimal(seqText);
  const action = YANK_ACTIONS.find((known) => known === actionText);
  return seq === undefined || action === undefined ? undefined : { kind: "yank", name, version, seq, action, by };
}
