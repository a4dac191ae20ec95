import { createHash, createPublicKey, verify } from "node:crypto";

/*
 * A second replay of who may sign, written from trust.md §3, §4 and §4b and not from src/, so that
 * an error in one shows against the other. It knows the scheme `cpm-v1` only.
 */

const HOUR_MS = 3_600_000;
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** The keys that may sign one package after the leaves so far. */
interface Keys {
  readonly spelling: string;
  trusted: string[];
  readonly compromised: Set<string>;
  changes: number;
  last: string;
  reset: { readonly key: string; readonly dueMs: number; upheld: boolean } | null;
}

/** What a replay found. */
export interface Replayed {
  /** Indexes of leaves that do not follow from those before. */
  readonly problems: readonly number[];
  /** Whether a key may sign a package at a time after the last leaf. */
  maySign(name: string, key: string, atMs: number): boolean;
  /** The keys that may sign then, in any order. */
  trustedAt(name: string, atMs: number): readonly string[];
  /** The pending reset at a time, and the keys that are never trusted again. */
  stateAt(name: string, atMs: number): { readonly reset: Keys["reset"]; readonly compromised: ReadonlySet<string> };
  /** Why the archive of a version may be missing: a status of it or of its package says so. */
  withheld(name: string, version: string): "quarantine" | "remove" | undefined;
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const folded = (name: string) => name.replaceAll("_", "-").replaceAll(".", "-");

function isSignedBy(key: string, message: string, signature: string | undefined): boolean {
  if (signature === undefined) return false;
  const spki = Buffer.concat([SPKI, Buffer.from(key, "hex")]);
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  return verify(null, Buffer.from(message), publicKey, Buffer.from(signature, "base64"));
}

/** The lines of a leaf after the first, by their first word. */
function fieldsOf(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(lines.map((line) => [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)]));
}

function applyDue(keys: Keys, atMs: number): void {
  if (keys.reset === null || atMs < keys.reset.dueMs) return;
  keys.trusted = [keys.reset.key];
  keys.reset = null;
}

/** One replay of one log, leaf after leaf. */
class Replay {
  readonly #packages = new Map<string, Keys>();
  readonly #versions = new Set<string>();
  readonly #counted = new Map<string, number>();
  /** The last status of a version, or of a package as `*`. A takedown is for ever. */
  readonly #statuses = new Map<string, string>();
  #newestMs = 0;

  constructor(
    readonly origin: string,
    readonly nowMs: number,
  ) {}

  keysOf(name: string): Keys | undefined {
    return this.#packages.get(folded(name));
  }

  /** Whether the next leaf follows from those before. */
  takes(leaf: string): boolean {
    const [head = "", ...lines] = leaf.trimEnd().split("\n");
    const [kind, name = "", ...words] = head.split(" ");
    const fields = fieldsOf(lines);
    if (kind === "cpm.version/v1") return this.#version(leaf, name, words[0] ?? "", fields);
    if (kind === "cpm.key/v2") return this.#key(leaf, name, words, fields);
    const about = `${folded(name)} ${words[0]?.split("+")[0]}`;
    if (kind === "cpm.status/v1" && this.#statuses.get(about) !== "remove") this.#statuses.set(about, words[2] ?? "");
    return this.#counts(`${kind} ${about}`, Number(words[1]));
  }

  withheld(name: string, version: string): "quarantine" | "remove" | undefined {
    const said = [version.split("+")[0], "*"].map((about) => this.#statuses.get(`${folded(name)} ${about}`));
    return said.includes("remove") ? "remove" : said.includes("quarantine") ? "quarantine" : undefined;
  }

  #counts(sequence: string, number: number): boolean {
    const before = this.#counted.get(sequence) ?? 0;
    this.#counted.set(sequence, number);
    return number === before + 1;
  }

  /** Whether a leaf is not from the future, and not much older than one before it. */
  #isInTime(atMs: number): boolean {
    const isGood = atMs <= this.nowMs + HOUR_MS / 6 && atMs >= this.#newestMs - HOUR_MS;
    this.#newestMs = Math.max(this.#newestMs, Math.min(atMs, this.nowMs));
    return isGood;
  }

  #version(leaf: string, name: string, version: string, fields: Readonly<Record<string, string>>): boolean {
    const known = `${folded(name)} ${version.split("+")[0]}`;
    if (this.#versions.has(known)) return false;
    this.#versions.add(known);
    const atMs = Date.parse(fields.published ?? "");
    if (!this.#isInTime(atMs)) return false;
    const key = fields.signer?.split(" ")[1] ?? "";
    const keys = this.keysOf(name);
    if (keys === undefined) {
      const begun = { spelling: name, trusted: [key], compromised: new Set<string>(), changes: 0, last: digest(leaf) };
      this.#packages.set(folded(name), { ...begun, reset: null });
    } else {
      applyDue(keys, atMs);
      if (keys.spelling !== name || !keys.trusted.includes(key)) return false;
    }
    const statement = `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${fields.sha256}\nsize: ${fields.size}\n`;
    const [scheme, signature] = fields.signature?.split(" ") ?? [];
    return scheme === "cpm-v1" && isSignedBy(key, statement, signature);
  }

  #key(
    leaf: string,
    name: string,
    [number, action = "", key = ""]: string[],
    fields: Readonly<Record<string, string>>,
  ): boolean {
    const keys = this.keysOf(name);
    if (keys === undefined) return false;
    const follows = Number(number) === keys.changes + 1 && fields.previous === keys.last && keys.spelling === name;
    keys.changes = Number(number);
    keys.last = digest(leaf);
    if (!follows) return false;
    const atMs = Date.parse(fields.at ?? "");
    applyDue(keys, atMs);
    if (!this.#allows(keys, action, key, name, fields)) return false;
    change(keys, action, key, atMs, fields.reason);
    return this.#isInTime(atMs);
  }

  #allows(
    keys: Keys,
    action: string,
    key: string,
    name: string,
    { previous, at, reason, since, by, signatures = "-" }: Readonly<Record<string, string>>,
  ): boolean {
    const removal = action === "remove" ? `reason: ${reason}\nsince: ${since}\n` : "";
    const statement = `cpm-key-change/v2\nregistry: ${this.origin}\nname: ${name}\naction: ${action}\nkey: ${key}\nprevious: ${previous}\nat: ${at}\n${removal}`;
    const given = signatures === "-" ? [] : signatures.split(" ");
    const byTrusted = keys.trusted.some((trusted) => isSignedBy(trusted, statement, given[0]));
    const isNew = !keys.trusted.includes(key) && !keys.compromised.has(key);
    const isPending = keys.reset?.key === key;
    if (action === "add") return isNew && given.length === 2 && byTrusted && isSignedBy(key, statement, given[1]);
    if (action === "remove") return given.length === 1 && byTrusted && !isPending;
    if (action === "reset") return keys.reset === null && isNew && isSignedBy(key, statement, given[0]);
    if (action === "uphold") return isPending && by !== "-" && given.length === 0;
    if (action !== "cancel" || !isPending) return false;
    return by === "-" ? keys.reset?.upheld === false && given.length === 1 && byTrusted : given.length === 0;
  }
}

function change(keys: Keys, action: string, key: string, atMs: number, reason: string | undefined): void {
  if (action === "add") keys.trusted = [...keys.trusted, key];
  if (action === "remove") keys.trusted = keys.trusted.filter((trusted) => trusted !== key);
  if (reason === "compromised") keys.compromised.add(key);
  if (action === "reset") keys.reset = { key, dueMs: atMs + 72 * HOUR_MS, upheld: false };
  if (action === "cancel") keys.reset = null;
  if (action === "uphold" && keys.reset !== null) keys.reset.upheld = true;
}

/** Replays a log from its leaves alone, for somebody whose clock has `nowMs`. */
export function replayLog(leaves: readonly string[], origin: string, nowMs: number): Replayed {
  const replay = new Replay(origin, nowMs);
  const problems = leaves.flatMap((leaf, index) => (replay.takes(leaf) ? [] : [index]));
  const at = (name: string, atMs: number) => {
    const keys = replay.keysOf(name);
    const copy: Keys = keys === undefined ? { ...NO_KEYS } : { ...keys };
    applyDue(copy, atMs);
    return copy;
  };
  return {
    problems,
    maySign: (name, key, atMs) => replay.keysOf(name) === undefined || at(name, atMs).trusted.includes(key),
    trustedAt: (name, atMs) => at(name, atMs).trusted,
    stateAt: (name, atMs) => at(name, atMs),
    withheld: (name, version) => replay.withheld(name, version),
  };
}

const NO_KEYS: Keys = { spelling: "", trusted: [], compromised: new Set(), changes: 0, last: "", reset: null };

/** Splits an entry bundle of c2sp.org/tlog-tiles: each leaf behind its length in two bytes. */
export function leavesOfBundle(bundle: Buffer): string[] {
  const leaves: string[] = [];
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at);
    leaves.push(bundle.subarray(at + 2, at + 2 + length).toString("utf8"));
    at += 2 + length;
  }
  return leaves;
}
