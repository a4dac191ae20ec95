import { secondsText } from "../signing/key-statements.ts";
import { parseDecimal } from "./encoding.ts";
import { parseNote, parseVerifierKey } from "./note.ts";

/*
 * The leaf of a change of the log itself (docs/log-format.md). It is a signed note, so that the
 * keys that it names sign it by themselves: a row that somebody writes into a database changes no
 * key.
 */

interface EntryBase {
  /** The verifier key that signed checkpoints before. Its name is the origin of that log. */
  readonly oldKey: string;
  /** The verifier key that signs checkpoints from this leaf on. */
  readonly newKey: string;
  readonly at: Date;
  /** The signature lines of the note. */
  readonly signatures: string;
}

/** A new key of the same log. The old and the new key sign it. */
export interface RotateEntry extends EntryBase {
  readonly action: "rotate";
  /** Up to then, the old key signs checkpoints too. */
  readonly until: Date;
}

/**
 * A new log that continues the tree of one whose key was lost, under another origin. Only the new
 * key signs it.
 */
export interface StartEntry extends EntryBase {
  readonly action: "start";
  /** The size and the root (in hex) of the old log: the tree before this leaf. */
  readonly size: number;
  readonly root: string;
}

/** A change of the key of a log, or the beginning of another log in its place. */
export type LogEntry = RotateEntry | StartEntry;

/** An entry that is not signed yet. */
export type UnsignedLogEntry = Omit<RotateEntry, "signatures"> | Omit<StartEntry, "signatures">;

const ROTATE = /^cpm\.log\/v1 rotate\nold (\S+)\nnew (\S+)\nat ([!-~]+)\nuntil ([!-~]+)\n$/;
const START = /^cpm\.log\/v1 start\nold (\S+)\nnew (\S+)\nsize (\d+)\nroot ([0-9a-f]{64})\nat ([!-~]+)\n$/;

/** Writes the text of the note that the keys sign. */
export function unsignedLogText(entry: UnsignedLogEntry): string {
  const head = `cpm.log/v1 ${entry.action}\nold ${entry.oldKey}\nnew ${entry.newKey}\n`;
  const at = `at ${secondsText(entry.at)}\n`;
  if (entry.action === "rotate") return `${head}${at}until ${secondsText(entry.until)}\n`;
  return `${head}size ${entry.size}\nroot ${entry.root}\n${at}`;
}

/** Writes the leaf of a change of the log. `parseLeaf` of tlog/leaf.ts reads it back. */
export function logText(entry: LogEntry): string {
  return `${unsignedLogText(entry)}\n${entry.signatures}`;
}

/**
 * Reads the leaf of a change of the log; `undefined` when its form is wrong. Checks no signature.
 */
export function parseLog(leaf: string): ({ readonly kind: "log" } & LogEntry) | undefined {
  if (!leaf.startsWith("cpm.log/v1 ")) return undefined;
  const text = parseNote(leaf)?.text;
  if (text === undefined) return undefined;
  const signatures = leaf.slice(text.length + 1);
  return parseRotate(text, signatures) ?? parseStart(text, signatures);
}

function parseRotate(text: string, signatures: string): ({ readonly kind: "log" } & RotateEntry) | undefined {
  const [, oldKey = "", newKey = "", atText = "", untilText = ""] = ROTATE.exec(text) ?? [];
  const [at, until] = [new Date(atText), new Date(untilText)];
  if (Number.isNaN(until.getTime()) || !isChange(oldKey, newKey, at)) return undefined;
  return { kind: "log", action: "rotate", oldKey, newKey, at, until, signatures };
}

function parseStart(text: string, signatures: string): ({ readonly kind: "log" } & StartEntry) | undefined {
  const [, oldKey = "", newKey = "", sizeText = "", root = "", atText = ""] = START.exec(text) ?? [];
  const size = parseDecimal(sizeText);
  const at = new Date(atText);
  if (size === undefined || !isChange(oldKey, newKey, at)) return undefined;
  return { kind: "log", action: "start", oldKey, newKey, size, root, at, signatures };
}

function isChange(oldKey: string, newKey: string, at: Date): boolean {
  return [oldKey, newKey].every((key) => parseVerifierKey(key) !== undefined) && !Number.isNaN(at.getTime());
}
