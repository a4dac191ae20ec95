import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/*
 * Independent programs that share no code with this registry: sumdb/note and sumdb/tlog of
 * golang.org/x/mod under go/, and fsck of github.com/transparency-dev under tessera/.
 */

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

/** The result of checking a whole log, or what is wrong with it. */
export type LogCheck = { readonly size: number; readonly root: string; readonly tiles: number } | { error: string };

export interface GoVerifier {
  /** Answers questions in order. */
  ask(questions: readonly Question[]): Promise<Answer[]>;
  /**
   * Recomputes a log from its bundles, given the URL or folder of its prefix and its verifier key.
   * A log that guests cannot read needs a token too.
   */
  checkLog(prefix: string, verifierKey: string, token?: string): Promise<LogCheck>;
  remove(): void;
}

export interface TesseraVerifier {
  /**
   * Checks everything that a log serves, and the cosignatures of these witnesses on its checkpoint.
   */
  checkLog(prefix: string, verifierKey: string, witnessKeys?: readonly string[]): Promise<TesseraCheck>;
  remove(): void;
}

/** `cosigned` is the time in seconds of each cosignature. */
export type TesseraCheck =
  | { readonly size: number; readonly root: string; readonly cosigned: Readonly<Record<string, number>> }
  | { error: string };

/**
 * Compiles the program under go/. Returns undefined and prints why if Go or its module proxy is
 * missing.
 */
export async function openGoVerifier(): Promise<GoVerifier | undefined> {
  const compiled = await compile("go");
  if (compiled === undefined) return undefined;
  const { program, remove } = compiled;
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
    checkLog: async (prefix, verifierKey, token = "") => {
      const command = [program, "log", prefix, verifierKey];
      const { status, output, errors } = await run(command, [], { env: { LOG_TOKEN: token } });
      return status === 0 ? JSON.parse(output) : { error: errors.trim() };
    },
    remove,
  };
}

/** Compiles the program under tessera/ in the same way as `openGoVerifier`. */
export async function openTesseraVerifier(): Promise<TesseraVerifier | undefined> {
  const compiled = await compile("tessera");
  if (compiled === undefined) return undefined;
  const { program, remove } = compiled;
  return {
    checkLog: async (prefix, verifierKey, witnessKeys = []) => {
      const { status, output, errors } = await run([program, prefix, verifierKey, ...witnessKeys]);
      return status === 0 ? JSON.parse(output) : { error: errors.trim() };
    },
    remove,
  };
}

async function compile(name: string): Promise<{ program: string; remove: () => void } | undefined> {
  if (Bun.which("go") === null) return missing(name, "Go is not on this machine");
  const source = join(import.meta.dir, name);
  const download = await run(["go", "mod", "download"], [], { folder: source });
  if (download.status !== 0) return missing(name, `its modules cannot be had: ${download.errors.trim()}`);
  const scratch = mkdtempSync(join(tmpdir(), "cpm-interop-"));
  const program = join(scratch, name);
  const build = await run(["go", "build", "-mod=readonly", "-o", program, "."], [], { folder: source });
  if (build.status !== 0) throw new Error(`test/interop/${name} does not compile: ${build.errors}`);
  return { program, remove: () => rmSync(scratch, { recursive: true, force: true }) };
}

function missing(name: string, why: string): undefined {
  console.log(`Not verified by test/interop/${name}: ${why}.`);
  return undefined;
}

interface Place {
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(command: string[], lines: readonly string[] = [], { folder = import.meta.dir, env }: Place = {}) {
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { ...process.env, GOFLAGS: "-buildvcs=false", GOWORK: "off", CGO_ENABLED: "0", ...env },
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
