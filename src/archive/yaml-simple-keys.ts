import type { YamlCursor } from "./yaml-cursor.ts";
import { YamlSyntaxError } from "./yaml-fault.ts";

/** A token that turns out to be a key when a `:` follows it on its line. */
export interface SimpleKey {
  readonly tokenIndex: number;
  readonly index: number;
  readonly line: number;
  readonly column: number;
  /** Nothing but a key can stand in this place. */
  readonly isRequired: boolean;
}

interface Level {
  key: SimpleKey | undefined;
  /** The token of the last key of this level. Before the first, the token that opens the level. */
  tokenIndex: number;
}

const SIMPLE_KEY_MAX_CHARS = 1_024;

/** The possible keys of the block context and of each open [ or {. */
export class SimpleKeys {
  readonly #cursor: YamlCursor;
  readonly #levels: [Level, ...Level[]] = [{ key: undefined, tokenIndex: -1 }];
  /** The tokens that are not given to the parser before it is known whether they are keys. */
  readonly #waiting = new Set<number>();

  constructor(cursor: YamlCursor) {
    this.#cursor = cursor;
  }

  get flowDepth(): number {
    return this.#levels.length - 1;
  }

  get #level(): Level {
    return this.#levels.at(-1) ?? this.#levels[0];
  }

  /** Notes that the token which begins here may be a key. */
  save(tokenIndex: number, isRequired: boolean): void {
    this.drop();
    const { index, line, column } = this.#cursor;
    this.#level.key = { tokenIndex, index, line, column, isRequired };
    this.#level.tokenIndex = tokenIndex;
    this.#waiting.add(tokenIndex);
  }

  /** Notes that the possible key of this level is none. */
  drop(): void {
    const { key } = this.#level;
    if (key === undefined) return;
    if (key.isRequired) throw missingColon(key);
    this.#forget(key);
  }

  /** Takes the possible key of this level, if a `:` may still follow it. */
  take(): SimpleKey | undefined {
    const { key } = this.#level;
    if (key === undefined || !this.#isUsable(key)) return undefined;
    this.#forget(key);
    return key;
  }

  /** Returns whether a token must wait. */
  mayBecomeKey(tokenIndex: number): boolean {
    if (!this.#waiting.has(tokenIndex)) return false;
    const key = this.#levels.find((level) => level.key?.tokenIndex === tokenIndex)?.key;
    return key !== undefined && this.#isUsable(key);
  }

  openFlow(tokenIndex: number): void {
    this.#levels.push({ key: undefined, tokenIndex });
  }

  /** yaml.v3 no longer holds back the collection that ends here, if it had no keys inside. */
  closeFlow(): void {
    if (this.flowDepth > 0) this.#waiting.delete(this.#levels.pop()?.tokenIndex ?? -1);
  }

  #isUsable(key: SimpleKey): boolean {
    const { line, index } = this.#cursor;
    if (key.line === line && key.index + SIMPLE_KEY_MAX_CHARS >= index) return true;
    if (key.isRequired) throw missingColon(key);
    this.#forget(key);
    return false;
  }

  #forget(key: SimpleKey): void {
    this.#waiting.delete(key.tokenIndex);
    for (const level of this.#levels) if (level.key === key) level.key = undefined;
  }
}

function missingColon({ line }: SimpleKey): YamlSyntaxError {
  return new YamlSyntaxError(line, "a key has no : with a blank after it on its line: add it, or quote the text");
}
