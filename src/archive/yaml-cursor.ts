const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

const NEL = 0x85;
const LS = 0x2028;
const PS = 0x2029;

/**
 * A place in the text of a document. Beyond the last character it reads zeros, which no document
 * contains. The line breaks are those of YAML 1.1: LF, CR, CRLF, NEL, LS and PS.
 */
export class YamlCursor {
  readonly #text: string;
  position = 0;
  /** In characters, from the start of the document. */
  index = 0;
  line = 0;
  /** In characters. */
  column = 0;
  /** The line breaks since the last character that was neither a blank nor a line break. */
  newlines = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the UTF-16 code unit at a distance from here. */
  at(offset = 0): number {
    return this.#text.charCodeAt(this.position + offset) || 0;
  }

  isEnd(): boolean {
    return this.at() === 0;
  }

  isBlank(offset = 0): boolean {
    const unit = this.at(offset);
    return unit === SPACE || unit === TAB;
  }

  isBreak(offset = 0): boolean {
    const unit = this.at(offset);
    return unit === LF || unit === CR || unit === NEL || unit === LS || unit === PS;
  }

  /** Returns whether the character there is LF or CR. */
  isAsciiBreak(offset: number): boolean {
    const unit = this.at(offset);
    return unit === LF || unit === CR;
  }

  isBreakOrEnd(offset = 0): boolean {
    return this.at(offset) === 0 || this.isBreak(offset);
  }

  isBlankOrEnd(offset = 0): boolean {
    return this.isBlank(offset) || this.isBreakOrEnd(offset);
  }

  /** Returns whether a line begins here with `---` or `...` and nothing that continues the word. */
  isDocumentMark(): boolean {
    const first = this.at();
    if (this.column !== 0 || (first !== 0x2d && first !== 0x2e)) return false;
    return this.at(1) === first && this.at(2) === first && this.isBlankOrEnd(3);
  }

  /** Moves past one character that is no line break. */
  skip(): void {
    if (!this.isBlank()) this.newlines = 0;
    this.position += isHighSurrogate(this.at()) ? 2 : 1;
    this.index += 1;
    this.column += 1;
  }

  /** Moves past one line break, if there is one here. */
  skipBreak(): void {
    if (!this.isBreak()) return;
    const isPair = this.at() === CR && this.at(1) === LF;
    this.position += isPair ? 2 : 1;
    this.index += isPair ? 2 : 1;
    this.column = 0;
    this.line += 1;
    this.newlines += 1;
  }

  /** Moves past one line break and returns it as text: LF, or LS and PS as they are. */
  takeBreak(): string {
    const unit = this.at();
    if (!this.isBreak()) return "";
    this.skipBreak();
    return unit === LS || unit === PS ? String.fromCharCode(unit) : "\n";
  }

  /** Moves to the end of the line. */
  skipLine(): void {
    while (!this.isBreakOrEnd()) this.skip();
  }

  /** Returns the text from a position up to this place. */
  textFrom(start: number): string {
    return this.#text.slice(start, this.position);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
