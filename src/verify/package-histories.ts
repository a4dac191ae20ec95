import { foldName } from "../domain/package-name.ts";
import { DigestTable } from "./digest-table.ts";
import { detached, type PackageHistory } from "./package-history.ts";

const KEY_BYTES = 32;
const DIGEST_BYTES = 32;
/**
 * The record of a package: the key that signed its first version, and the digest of that version's
 * leaf. A word for the spelling of its name follows.
 */
const RECORD_BYTES = KEY_BYTES + DIGEST_BYTES;
const SPELLING = RECORD_BYTES / 4;
const RECORD_WORDS = SPELLING + 1;
/** The characters that folding makes one. A word has room for twenty of them. */
const SEPARATORS = ["-", "_", "."];
const SPELLING_MAX = 2 ** 32;

/**
 * Who may sign each package of a log, by folded name. Nearly all packages have the one key of their
 * first version, and take a record of a table. The others are kept whole.
 */
export class PackageHistories {
  readonly #unchanged: DigestTable;
  readonly #changed: Map<string, PackageHistory>;

  private constructor(unchanged: DigestTable, changed: readonly PackageHistory[]) {
    this.#unchanged = unchanged;
    this.#changed = new Map(changed.map((history) => [foldName(history.name), history]));
  }

  /** The histories before the first leaf. */
  static empty(): PackageHistories {
    return new PackageHistories(new DigestTable(RECORD_WORDS), []);
  }

  /** Returns the history of a package. Pass it to `set` once it changed. */
  get(foldedName: string): PackageHistory | undefined {
    const changed = this.#changed.get(foldedName);
    if (changed !== undefined) return changed;
    const record = this.#unchanged.get(foldedName);
    if (record === undefined) return undefined;
    const bytes = Buffer.from(record.buffer, record.byteOffset, RECORD_BYTES);
    return {
      ...{ name: spelled(foldedName, record[SPELLING] ?? 0), active: [bytes.toString("hex", 0, KEY_BYTES)] },
      ...{ compromised: [], seq: 0 },
      previous: bytes.toString("hex", KEY_BYTES),
    };
  }

  /** Stores the history of a package, in place of the one before. */
  set(foldedName: string, history: PackageHistory): void {
    const record = this.#changed.has(foldedName) ? undefined : recordOf(history);
    if (record !== undefined) this.#unchanged.set(foldedName, record);
    else this.#changed.set(detached(foldedName), history);
  }

  /** Returns the bytes that `decode` reads, as a view. */
  encode(): { readonly unchanged: Uint8Array; readonly changed: readonly PackageHistory[] } {
    return { unchanged: this.#unchanged.encode(), changed: [...this.#changed.values()] };
  }

  /** Reads what `encode` returned; undefined if the bytes end inside of a record. */
  static decode(unchanged: Uint8Array, changed: readonly PackageHistory[]): PackageHistories | undefined {
    const table = DigestTable.decode(RECORD_WORDS, unchanged);
    return table && new PackageHistories(table, changed);
  }
}

/** The record of a package whose keys never changed; undefined for any other. */
function recordOf(history: PackageHistory): Uint32Array | undefined {
  const { name, active, compromised, seq, previous, reset } = history;
  const [key, ...others] = active;
  const isUnchanged = seq === 0 && reset === undefined && others.length === 0 && compromised.length === 0;
  const spelling = spellingOf(name);
  if (!isUnchanged || key === undefined || spelling >= SPELLING_MAX) return undefined;
  const record = new Uint32Array(RECORD_WORDS);
  const bytes = new Uint8Array(record.buffer);
  bytes.set(Buffer.from(key, "hex"));
  bytes.set(Buffer.from(previous, "hex"), KEY_BYTES);
  record[SPELLING] = spelling;
  return record;
}

/** The separators of a name as digits of a number to the base of three. */
function spellingOf(name: string): number {
  let spelling = 0;
  for (const mark of name) {
    const digit = SEPARATORS.indexOf(mark);
    if (digit >= 0) spelling = spelling * SEPARATORS.length + digit;
  }
  return spelling;
}

/** The name with this spelling. */
function spelled(foldedName: string, spelling: number): string {
  if (spelling === 0) return foldedName;
  const marks = [...foldedName];
  for (let at = marks.length - 1, rest = spelling; at >= 0; at -= 1) {
    if (marks[at] !== "-") continue;
    marks[at] = SEPARATORS[rest % SEPARATORS.length] ?? "-";
    rest = Math.floor(rest / SEPARATORS.length);
  }
  return marks.join("");
}
