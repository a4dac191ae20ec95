import { programPath } from "./install-peers.ts";

/** A request for `wrk`, and the answers that are expected. */
export interface Load {
  readonly url: string;
  /** The shortest body of a good answer. */
  readonly bodyBytes: number;
  /** The longest answer with its head. It tells a 304 from a 200, which `wrk` does not. */
  readonly answerBytesMax?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A script for `wrk` and its arguments. */
  readonly script?: readonly [string, ...string[]];
  readonly connections?: number;
  readonly threads?: number;
  /** The number of the only core that `wrk` may use. */
  readonly core?: number;
}

const CONNECTIONS = 16;
/** The tolerance for the rounding in wrk's report. */
const BYTES_TOLERANCE = 0.98;
const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** The path of `wrk`, or the reason why it cannot be used. */
export const wrkMissing: string | undefined = programPath("wrk") === undefined ? "there is no wrk" : undefined;

/** Parses the report of wrk. Throws unless every answer was good and complete. */
function requestsPerSecond(
  report: string,
  { url, bodyBytes, answerBytesMax = Number.POSITIVE_INFINITY }: Load,
): number {
  const [, count, read, unit] = /(\d+) requests in \S+, ([\d.]+)(\w*B) read/.exec(report) ?? [];
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(report)?.[1];
  const bytesEach = (Number(read) * (UNITS[unit ?? ""] ?? Number.NaN)) / Number(count);
  const isWhole = bytesEach >= bodyBytes * BYTES_TOLERANCE && bytesEach <= answerBytesMax / BYTES_TOLERANCE;
  const isGood = rate !== undefined && Number(rate) > 0 && !/Non-2xx|Socket errors/.test(report);
  if (!isGood || !isWhole) throw new Error(`wrk of ${url}, where bodies have ${bodyBytes} bytes or more:\n${report}`);
  return Number(rate);
}

/** Returns the words before a command that bind it to one core. */
export function onCore(core: number | undefined): string[] {
  return core === undefined ? [] : ["taskset", "-c", String(core)];
}

/** Runs a load and returns the answers per second. */
export async function load(what: Load, seconds: number): Promise<number> {
  const { url, headers = {}, script, connections = CONNECTIONS, threads = 1, core } = what;
  const [file, ...args] = script ?? [];
  const command = [...onCore(core), "wrk", `-t${threads}`, `-c${connections}`, `-d${seconds}s`, "--timeout", "10s"];
  for (const [name, value] of Object.entries(headers)) command.push("-H", `${name}: ${value}`);
  if (file !== undefined) command.push("-s", file);
  command.push(url);
  if (args.length > 0) command.push("--", ...args);
  const run = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const [report] = await Promise.all([new Response(run.stdout).text(), run.exited]);
  return requestsPerSecond(report, what);
}
