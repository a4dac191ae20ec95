/** What a program printed, and how it ended. */
export interface ProgramResult {
  readonly status: number;
  readonly output: string;
}

/** Go's settings for programs of this repository: no workspace, no C, exact modules. */
const GO_ENVIRONMENT = { GOFLAGS: "-buildvcs=false", GOWORK: "off", CGO_ENABLED: "0" };

/** Runs a program to its end. `output` is what it wrote to both streams. */
export async function runProgram(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...GO_ENVIRONMENT, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [status, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { status, output: output + errors };
}

/** Returns why Go and the modules of a folder cannot be used. Undefined if they can. */
export async function goMissing(folder: string): Promise<string | undefined> {
  if (Bun.which("go") === null) return "Go is not on this machine";
  const download = await runProgram(["go", "mod", "download"], folder);
  return download.status === 0 ? undefined : `its modules cannot be had: ${download.output.trim()}`;
}
