import { type Highlights, printError } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { type ClientFault, clientFault } from "./client-fault.ts";

const WARNINGS: Highlights = [[/^Warning:/gm, "yellow"]];
const END_OF_INPUT = "\u0004";
const INTERRUPT = "\u0003";
const ERASE = /[\b\u007f]/;
const ERASE_LINE = "\u0015";
/** More than any password or key has. */
const LINE_MAX_CHARS = 64 * 1024;

/** A question, and the option that answers it where nobody can be asked. */
export interface Question {
  readonly text: string;
  /** How the command line answers it, such as `--username <name>`. */
  readonly flag: string;
  /** Used when the answer is empty. */
  readonly fallback?: string;
}

/** Asks the user, who sits at a terminal or does not. Questions and notes go to standard error. */
export interface Prompt {
  /** Whether anybody can answer. */
  readonly isInteractive: boolean;
  /** Whether standard output is a terminal, where tables have headings. */
  readonly isTable: boolean;
  ask(question: Question): Promise<string>;
  /** Asks without showing the answer. */
  askSecret(question: Question): Promise<string>;
  /** Asks for yes or no. No is the answer of an empty line. */
  confirm(question: Question): Promise<boolean>;
  /**
   * Reads a secret from the first line of standard input, which other programs write. At a terminal
   * it is asked for by its name, such as `Token`, and not shown. Throws `ClientFault` if it is empty.
   */
  readSecret(name: string): Promise<string>;
  /** Tells the user something that is not the answer of the command. */
  note(text: string): void;
}

/** Each of these conditions forbids questions. */
export interface PromptConditions {
  readonly json: boolean;
  readonly yes: boolean;
  readonly isContinuousIntegration: boolean;
}

/** Makes the prompt of this process. */
export function terminalPrompt({ json, yes, isContinuousIntegration }: PromptConditions): Prompt {
  const { stdin, stderr, stdout } = process;
  const isTerminal = stdin.isTTY === true && stderr.isTTY === true;
  return new TerminalPrompt(
    isTerminal && !json && !yes && !isContinuousIntegration,
    stdout.isTTY === true && !json,
    yes,
  );
}

class TerminalPrompt implements Prompt {
  #typed = "";
  #hasEnded = false;
  #isReading = false;
  #wake: () => void = () => undefined;

  constructor(
    readonly isInteractive: boolean,
    readonly isTable: boolean,
    readonly saysYes: boolean,
  ) {}

  async ask(question: Question): Promise<string> {
    const { text, fallback } = question;
    const shown = fallback === undefined ? `${text}: ` : `${text} [${fallback}]: `;
    this.#requireInteractive(question);
    for (;;) {
      this.#write(shown);
      const answer = (await this.#line()).trim();
      if (answer !== "" || fallback !== undefined) return answer === "" ? (fallback ?? "") : answer;
    }
  }

  async askSecret(question: Question): Promise<string> {
    this.#requireInteractive(question);
    return this.#hidden(question.text);
  }

  async #hidden(text: string): Promise<string> {
    // Before the question is there: a fast answer would be shown.
    process.stdin.setRawMode(true);
    try {
      this.#write(`${text}: `);
      return await this.#secretLine();
    } finally {
      process.stdin.setRawMode(false);
      this.#write("\n");
    }
  }

  async confirm(question: Question): Promise<boolean> {
    if (this.saysYes) return true;
    this.#requireInteractive(question);
    this.#write(`${question.text} [y/N] `);
    return /^y(es)?$/i.test((await this.#line()).trim());
  }

  async readSecret(name: string): Promise<string> {
    const secret = process.stdin.isTTY === true ? await this.#hidden(name) : await this.#line();
    if (secret.trim() !== "") return secret;
    const detail = `Standard input has no ${name.toLowerCase()}.\nIt is read from the first line, such as: printf '%s\\n' "$SECRET" | cpm-registry …`;
    throw clientFault("usage", "client_stdin_empty", detail);
  }

  note(text: string): void {
    printError(text, WARNINGS);
  }

  #write(text: string): void {
    process.stderr.write(text === "\n" ? text : escapeUnprintable(text));
  }

  #requireInteractive({ text, flag }: Question): void {
    if (this.isInteractive) return;
    const detail = `There is no terminal to ask: ${text}${/[?.]$/.test(text) ? "" : "?"}\nAnswer with ${flag}.`;
    throw clientFault("usage", "client_question", detail);
  }

  /** The terminal itself edits and shows this line. */
  async #line(): Promise<string> {
    for (;;) {
      const end = /\r\n|\r|\n/.exec(this.#typed);
      if (end !== null) return this.#take(end.index, end[0].length);
      if (this.#hasEnded && this.#typed === "" && this.isInteractive) throw interrupted();
      if (this.#hasEnded || this.#typed.length > LINE_MAX_CHARS) return this.#take(this.#typed.length, 0);
      await this.#more();
    }
  }

  /** Nobody edits this line for us: the terminal is in raw mode, so that it shows nothing. */
  async #secretLine(): Promise<string> {
    const secret: string[] = [];
    for (;;) {
      if (this.#typed === "") await this.#more();
      if (this.#typed === "" && this.#hasEnded) throw interrupted();
      const [character = ""] = this.#typed;
      this.#typed = this.#typed.slice(character.length);
      if (character === "\r" || character === "\n") return secret.join("");
      if (character === INTERRUPT || character === END_OF_INPUT) throw interrupted();
      if (character === ERASE_LINE) secret.length = 0;
      else if (ERASE.test(character)) secret.pop();
      else secret.push(character);
    }
  }

  #take(length: number, endLength: number): string {
    const line = this.#typed.slice(0, length);
    this.#typed = this.#typed.slice(length + endLength);
    return line;
  }

  /**
   * Waits until more was typed, or the input ended. What was typed ahead stays for later questions.
   */
  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#read();
    if (!this.#hasEnded) await promise;
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", (text: string) => {
      this.#typed += text;
      this.#wake();
    });
    const end = () => {
      this.#hasEnded = true;
      this.#wake();
    };
    process.stdin.on("end", end).on("error", end).on("close", end);
  }
}

function interrupted(): ClientFault {
  return clientFault("interrupted", "client_interrupted", "Interrupted. Nothing was sent after the question.");
}
