import { createHash } from "node:crypto";
import { failure } from "../errors.ts";

/**
 * Where a reader is in a list.
 *
 * - `seen`: the ids of all packages that the reader has. The next page has the first others in the
 *   order of that moment, so nothing is skipped or repeated, whatever changes. Searches and small
 *   lists use it, because they have a thousand packages at most.
 * - `after`: the last package of the page, by its sort value and name, and how many came before. A
 *   list of a million packages uses it. Nothing is repeated; only a package that moves up past this
 *   place meanwhile, by a change or by downloads, is not met any more.
 */
export type ListCursor =
  | { readonly kind: "seen"; readonly ids: readonly number[] }
  | { readonly kind: "after"; readonly value: number; readonly name: string; readonly count: number };

/** The longest cursor: two thousand ids in a registry with millions of packages. */
export const CURSOR_MAX_CHARS = 10_000;

const QUESTION_CHARS = 8;
const NAME_MAX_CHARS = 64;
/** The year 10000, in milliseconds: the largest time that both databases take. */
const VALUE_MAX = 253_402_300_800_000;

/** The parameters that choose and order a list. */
interface Question {
  readonly search: string | undefined;
  readonly tags: readonly string[];
  readonly author: string | undefined;
  readonly sort: string;
}

/** Identifies the list that a cursor belongs to. */
function questionOf({ search = "", tags, author = "", sort }: Question): string {
  const text = JSON.stringify([search, tags.toSorted(), author, sort]);
  return createHash("sha256").update(text).digest("base64url").slice(0, QUESTION_CHARS);
}

/**
 * Writes the differences of ids in groups of seven bits (LEB128), which takes two bytes for most.
 */
function packIds(ids: readonly number[]): Buffer {
  const bytes: number[] = [];
  let last = 0;
  for (const id of ids.toSorted((a, b) => a - b)) {
    let rest = id - last;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
    bytes.push(rest);
    last = id;
  }
  return Buffer.from(bytes);
}

function unpackIds(bytes: Uint8Array): number[] | undefined {
  const ids: number[] = [];
  let [last, value, factor] = [0, 0, 1];
  for (const byte of bytes) {
    value += (byte % 0x80) * factor;
    factor *= 0x80;
    if (byte >= 0x80) continue;
    last += value;
    if (!Number.isSafeInteger(last)) return undefined;
    ids.push(last);
    [value, factor] = [0, 1];
  }
  return factor === 1 ? ids : undefined;
}

/** Returns how many packages a reader has. */
export function countBefore(cursor: ListCursor): number {
  return cursor.kind === "seen" ? cursor.ids.length : cursor.count;
}

/** Writes a cursor of a list as text. */
export function formatCursor(question: Question, cursor: ListCursor): string {
  const payload =
    cursor.kind === "seen"
      ? packIds(cursor.ids)
      : Buffer.from(JSON.stringify([cursor.value, cursor.name, cursor.count]));
  return `${cursor.kind === "seen" ? "s" : "a"}${questionOf(question)}${payload.toString("base64url")}`;
}

/** Reads the cursor of a request. Throws `validation_failed` for one that is not of this list. */
export function parseCursor(question: Question, text: string): ListCursor {
  const cursor = text.slice(1, 1 + QUESTION_CHARS) === questionOf(question) ? cursorOf(text) : undefined;
  if (cursor !== undefined) return cursor;
  const message =
    "is not the nextCursor of a list with the same search, tags, author and sort: begin again without cursor";
  throw failure({ code: "validation_failed", faults: [{ path: "/cursor", message }] });
}

function cursorOf(text: string): ListCursor | undefined {
  const payload = Buffer.from(text.slice(1 + QUESTION_CHARS), "base64url");
  if (text.startsWith("s")) {
    const ids = unpackIds(payload);
    return ids && { kind: "seen", ids };
  }
  return text.startsWith("a") ? afterOf(payload.toString()) : undefined;
}

function afterOf(json: string): ListCursor | undefined {
  try {
    const [value, name, count]: unknown[] = JSON.parse(json);
    if (typeof name !== "string" || name.length > NAME_MAX_CHARS || !/^[a-z0-9._-]*$/.test(name)) return undefined;
    if (!isCount(value) || !isCount(count)) return undefined;
    return { kind: "after", value, name, count };
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < VALUE_MAX;
}
