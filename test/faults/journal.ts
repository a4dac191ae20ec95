import { readdirSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

/** What a publish was about to send: enough to make the same archive again. */
export interface Intent {
  readonly name: string;
  readonly version: string;
  /** Distinguishes archives of one version. */
  readonly variant: number;
  readonly sha256: string;
  readonly publisher: number;
}

/**
 * The result of a publish: a status, no answer ("none"), or no answer for so long that the caller
 * is stuck.
 */
export type Result = number | "none" | "stuck";

/** One publish, read from the journals. */
export interface Attempt extends Intent {
  /** "none" also if the journal ends before an answer. */
  readonly result: Result;
  readonly body: string;
  /** The proof in the answer to an acknowledged publish. */
  readonly proof?: string;
}

interface Line extends Partial<Intent> {
  readonly attempt: string;
  readonly result?: Result;
  readonly body?: string;
  readonly proof?: string;
}

/**
 * The journal of one publisher: a line before a publish is sent, and a line when its answer came.
 * Each line is durable before the call returns. The fault does not hit the journal, so afterwards
 * it shows what the registry has promised.
 */
export class Journal {
  #count = 0;

  private constructor(
    readonly id: string,
    readonly file: FileHandle,
  ) {}

  /** Opens a new journal in `directory`, which may hold those of earlier runs. */
  static async open(directory: string, id: string): Promise<Journal> {
    return new Journal(id, await open(join(directory, `${id}.jsonl`), "ax"));
  }

  async #write(line: Line): Promise<void> {
    await this.file.appendFile(`${JSON.stringify(line)}\n`);
    await this.file.datasync();
  }

  /** Notes what is about to be sent, and returns the name under which the answer is to be noted. */
  async intend(intent: Intent): Promise<string> {
    this.#count += 1;
    const attempt = `${this.id}#${this.#count}`;
    await this.#write({ attempt, ...intent });
    return attempt;
  }

  /**
   * Notes an answer, which counts as received only afterwards. `body` is kept if it helps to
   * understand a failure.
   */
  async note(attempt: string, result: Result, body: string): Promise<void> {
    const kept = isAcknowledged({ result })
      ? { body: "", proof: String(JSON.parse(body).proof) }
      : { body: body.slice(0, 400) };
    await this.#write({ attempt, result, ...kept });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function isIntent(line: Line): line is Line & Intent {
  return line.sha256 !== undefined;
}

/**
 * Reads every attempt in the journals of a directory. A line without its line end is still being
 * written.
 */
export function readJournals(directory: string): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".jsonl"))) {
    const lines = readFileSync(join(directory, file), "utf8").split("\n").slice(0, -1);
    for (const text of lines) {
      const line: Line = JSON.parse(text);
      if (isIntent(line)) {
        const { attempt, ...intent } = line;
        attempts.set(attempt, { ...intent, result: "none", body: "" });
        continue;
      }
      const known = attempts.get(line.attempt);
      if (known === undefined) throw new Error(`${file} has an answer to nothing: ${text}`);
      attempts.set(line.attempt, {
        ...known,
        result: line.result ?? "none",
        body: line.body ?? "",
        ...(line.proof && { proof: line.proof }),
      });
    }
  }
  return [...attempts.values()];
}

/** The registry acknowledged that this version is published with these bytes. */
export function isAcknowledged({ result }: Pick<Attempt, "result">): boolean {
  return result === 200 || result === 201;
}

/**
 * The registry answered that it did not publish this. 500 and 503 do not say so: the commit may
 * have happened.
 */
export function isRefused({ result }: Pick<Attempt, "result">): boolean {
  return typeof result === "number" && ((result >= 400 && result < 500) || result === 507);
}
