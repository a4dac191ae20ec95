import { hash } from "node:crypto";

/** 128 bits of a digest: nobody finds two texts that share them. */
const KEY_WORDS = 4;
const WORD_BYTES = 4;
const FIRST_CAPACITY = 64;
const GROWTH = 1.5;
/** At most this share of the slots is taken, so that a search ends after a few. */
const LOAD_MAX = 0.7;

/**
 * A map from texts to records of a fixed number of 32-bit words. It holds the digest of a text in
 * place of the text, so that an audit of millions of leaves fits into memory and its state into a
 * small file.
 */
export class DigestTable {
  readonly #entryWords: number;
  /** The entries in the order in which they came: the digest of the text, then the record. */
  #entries: Uint32Array;
  /** Open addressing: the number of an entry plus one, or 0 for a free slot. */
  #slots: Int32Array;
  #size = 0;

  constructor(recordWords: number) {
    this.#entryWords = KEY_WORDS + recordWords;
    this.#entries = new Uint32Array(FIRST_CAPACITY * this.#entryWords);
    this.#slots = new Int32Array(2 * FIRST_CAPACITY);
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the record of a text. It is a view, which is good until the next `set`. */
  get(text: string): Uint32Array | undefined {
    const number = (this.#slots[this.#slotOf(keyOf(text), 0)] ?? 0) - 1;
    return number < 0 ? undefined : this.#recordOf(number);
  }

  /** Sets the record of a text. Returns whether the text is new. */
  set(text: string, record: ArrayLike<number> = []): boolean {
    const key = keyOf(text);
    const slot = this.#slotOf(key, 0);
    const known = (this.#slots[slot] ?? 0) - 1;
    if (known >= 0) {
      this.#recordOf(known).set(record);
      return false;
    }
    const at = this.#size * this.#entryWords;
    if (at === this.#entries.length) this.#entries = grown(this.#entries, this.#entryWords);
    this.#entries.set(key, at);
    this.#entries.set(record, at + KEY_WORDS);
    this.#size += 1;
    this.#slots[slot] = this.#size;
    if (this.#size > this.#slots.length * LOAD_MAX) this.#rebuildSlots(this.#slots.length * 2);
    return true;
  }

  /** All entries as bytes, which `decode` reads on a machine of the same byte order. A view. */
  encode(): Uint8Array {
    return new Uint8Array(this.#entries.buffer, 0, this.#size * this.#entryWords * WORD_BYTES);
  }

  /** Reads what `encode` wrote. Returns undefined if the bytes end inside of an entry. */
  static decode(recordWords: number, bytes: Uint8Array): DigestTable | undefined {
    const table = new DigestTable(recordWords);
    const size = bytes.length / WORD_BYTES / table.#entryWords;
    if (!Number.isInteger(size)) return undefined;
    table.#entries = new Uint32Array(Math.max(size, FIRST_CAPACITY) * table.#entryWords);
    new Uint8Array(table.#entries.buffer).set(bytes);
    table.#size = size;
    table.#rebuildSlots(2 ** Math.ceil(Math.log2(Math.max(size / LOAD_MAX, 1) + FIRST_CAPACITY)));
    return table;
  }

  #recordOf(number: number): Uint32Array {
    return this.#entries.subarray(number * this.#entryWords + KEY_WORDS, (number + 1) * this.#entryWords);
  }

  /** The slot of the key at `at` in `words`, or the free slot in which it belongs. */
  #slotOf(words: Uint32Array, at: number): number {
    const entries = this.#entries;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (words[at] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0) return slot;
      const other = number * this.#entryWords;
      let same = 0;
      while (same < KEY_WORDS && entries[other + same] === words[at + same]) same += 1;
      if (same === KEY_WORDS) return slot;
    }
  }

  #rebuildSlots(length: number): void {
    this.#slots = new Int32Array(length);
    for (let number = 0; number < this.#size; number += 1) {
      this.#slots[this.#slotOf(this.#entries, number * this.#entryWords)] = number + 1;
    }
  }
}

function keyOf(text: string): Uint32Array {
  const digest = hash("sha256", text, "buffer");
  return Uint32Array.from({ length: KEY_WORDS }, (_, at) => digest.readUInt32LE(at * WORD_BYTES));
}

function grown(entries: Uint32Array, entryWords: number): Uint32Array {
  const capacity = Math.ceil((entries.length / entryWords) * GROWTH);
  const larger = new Uint32Array(capacity * entryWords);
  larger.set(entries);
  return larger;
}
