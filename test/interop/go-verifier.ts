import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/* The verifier under go/: golang.org/x/mod's sumdb/note and sumdb/tlog, which have never seen this registry's code. */

const SOURCE = join(import.meta.dir, "go");

/** A line of input; the fields are those of `question` in go/main.go, hashes in base64. */
export interface Question {
  readonly kind: "inclusion" | "consistency" | "note" | "checkpoint" | "sign";
  readonly hashes?: readonly string[];
  readonly index?: number;
  readonly leaf?: string;
  readonly from?: number;
  readonly old?: string;
  readonly size?: number;
  readonly root?: string;
  readonly note?: string;
  readonly text?: string;
  readonly key?: string;
}

export type Answer = { readonly answer: string } | { readonly error: string };

/** What a whole log turned out to be, or what is wrong with it. */
export type LogCheck = { readonly size: number; readonly root: string; readonly tiles: number } | { error: string };

export interface GoVerifier {
  /** Answers questions in their order. */
  ask(questions: readonly Question[]): Promise<Answer[]>;
  /** Recomputes a log from its bundles: the prefix's URL or folder, and the log's verifier key. */
  checkLog(prefix: string, verifierKey: string): Promise<LogCheck>;
  remove(): void;
}

/** Compiles the verifier; `undefined`, with a line that says so, where Go or its module proxy is missing. */
export async function openGoVerifier(): Promise<GoVerifier | undefined> {
  if (Bun.which("go") === null) return missing("Go is not on this machine");
  const download = await run(["go", "mod", "download"]);
  if (download.status !== 0) return missing(`golang.org/x/mod cannot be had: ${download.errors.trim()}`);
  const scratch = mkdtempSync(join(tmpdir(), "cpm-interop-"));
  const program = join(scratch, "interop");
  const build = await run(["go", "build", "-mod=readonly", "-o", program, "."]);
  if (build.status !== 0) throw new Error(`the Go verifier does not compile: ${build.errors}`);
  return {
    ask: async (questions) => {
      const { status, output, errors } = await run(
        [program, "lines"],
        questions.map((asked) => JSON.stringify(asked)),
      );
      if (status !== 0) throw new Error(`the Go verifier ended: ${errors}`);
      return output
        .trim()
        .split("\n")
        .map((line): Answer => JSON.parse(line));
    },
    checkLog: async (prefix, verifierKey) => {
      const { status, output, errors } = await run([program, "log", prefix, verifierKey]);
      return status === 0 ? JSON.parse(output) : { error: errors.trim() };
    },
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

function missing(why: string): undefined {
  console.log(`Not verified by Go: ${why}.`);
  return undefined;
}

async function run(command: string[], lines: readonly string[] = []) {
  const child = Bun.spawn(command, {
    cwd: SOURCE,
    env: { ...process.env, GOFLAGS: "-buildvcs=false", GOWORK: "off", CGO_ENABLED: "0" },
    stdin: new Blob([lines.join("\n")]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [status, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { status, output, errors };
}
