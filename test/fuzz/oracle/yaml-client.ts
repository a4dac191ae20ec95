import { join } from "node:path";

/** A question to the Go program: a document as base64, or a range of versions. */
export type YamlQuestion = { readonly document: string } | { readonly range: string };

/** A field of the client's struct, or `{"$": …}` for what JSON cannot have. */
export type GoValue = string | number | boolean | null | GoValue[] | { [field: string]: GoValue };

/** How the client reads a document or a range. */
export interface YamlAnswer {
  readonly clientError?: string;
  readonly error?: string;
  readonly manifest?: { readonly [field: string]: GoValue };
  readonly values?: string;
}

export interface YamlClient {
  /** Answers in the order of the questions. */
  ask(questions: readonly YamlQuestion[]): Promise<YamlAnswer[]>;
}

/**
 * Compiles the program under yaml/ into `scratch`. Returns the reason where Go or its module proxy
 * is missing.
 */
export async function openYamlClient(scratch: string): Promise<YamlClient | string> {
  if (Bun.which("go") === null) return "Go is not on this machine";
  const program = join(scratch, "yaml-client");
  const build = Bun.spawn(["go", "build", "-o", program, "."], {
    cwd: join(import.meta.dir, "yaml"),
    env: { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" },
    stderr: "pipe",
  });
  const [status, errors] = await Promise.all([build.exited, new Response(build.stderr).text()]);
  if (status !== 0) return `Go cannot build the client's reader: ${errors.trim()}`;
  return { ask: (questions) => askProgram(program, questions) };
}

async function askProgram(program: string, questions: readonly YamlQuestion[]): Promise<YamlAnswer[]> {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
  const child = Bun.spawn([program], { stdin: new Blob([input]), stdout: "pipe", stderr: "inherit" });
  const [status, output] = await Promise.all([child.exited, new Response(child.stdout).text()]);
  if (status !== 0) throw new Error(`the client's reader ended with ${status}`);
  const lines = output.split("\n").filter((line) => line !== "");
  if (lines.length !== questions.length) throw new Error("the client's reader left out answers");
  return lines.map((line): YamlAnswer => JSON.parse(line));
}
