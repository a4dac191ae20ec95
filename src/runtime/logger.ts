import { printableJson } from "./printable.ts";
import { currentSpan } from "./trace-context.ts";

/** The levels of the log, from all lines to none. `warn` drops the lines of requests. */
export const LOG_LEVELS = ["info", "warn", "error", "silent"] as const;

/** One level. Lines below it are dropped. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The fields of a log line: codes, ids, counts and durations. Of what a client sent, only the
 * method, the path and the request id may be logged. A query, any other header or a body may hold
 * passwords and tokens.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** How often each warning and error has happened. */
export type Counts = ReadonlyMap<string, number>;

/** Writes one JSON line per event to stderr. Stdout is for the output of commands. */
export interface Logger {
  /** False if the level drops request lines, so that callers need not build them. */
  readonly logsRequests: boolean;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /**
   * How often each warning and error has happened since the start. Events that the level drops are
   * counted too.
   */
  readonly counts: Counts;
}

/**
 * Events that an outage of the database or a full disk causes with every request. Each is written
 * at most once a minute; the next line says how often it was `repeated` since the one before.
 */
const ONCE_A_MINUTE: readonly string[] = [
  "checkpoint_failing",
  "database_failing",
  "database_session_lost",
  "database_unavailable",
  "downloads_not_flushed",
  "log_copy_failing",
  "storage_full",
  "trace_export_failing",
  "webhooks_failing",
];
const MINUTE_MS = 60_000;

/** When an event was written last, and how often it has happened since. */
interface Written {
  readonly atMs: number;
  repeated: number;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2, silent: 3 };

/** Creates a logger that drops events below `level`. `write` gets one line without its line end. */
export function createLogger(
  level: LogLevel,
  clock: () => Date,
  write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Logger {
  const counts = new Map<string, number>();
  const written = new Map<string, Written>();
  /** The number of lines that were left out before this one. Undefined if this one is left out. */
  const repeatedBefore = (event: string, now: Date): number | undefined => {
    if (!ONCE_A_MINUTE.includes(event)) return 0;
    const last = written.get(event);
    // The absolute difference, because the clock may be set back.
    if (last !== undefined && Math.abs(now.getTime() - last.atMs) < MINUTE_MS) {
      last.repeated += 1;
      return undefined;
    }
    written.set(event, { atMs: now.getTime(), repeated: 0 });
    return last?.repeated ?? 0;
  };
  const at = (severity: "info" | "warn" | "error") => (event: string, fields?: LogFields) => {
    if (severity !== "info") counts.set(event, (counts.get(event) ?? 0) + 1);
    if (SEVERITY[severity] < SEVERITY[level]) return;
    const now = clock();
    const repeated = repeatedBefore(event, now);
    if (repeated === undefined) return;
    const before = repeated === 0 ? {} : { repeated };
    const traceId = currentSpan()?.spanContext().traceId;
    write(printableJson({ time: now.toISOString(), level: severity, event, ...fields, ...before, traceId }));
  };
  return { logsRequests: level === "info", info: at("info"), warn: at("warn"), error: at("error"), counts };
}

/**
 * Returns the parts of an unexpected error that may be logged: its class, its code and the first
 * stack frames. The message is left out, because messages of database drivers contain parameters
 * such as password hashes.
 */
export function errorFields(cause: unknown): LogFields {
  let innermost = cause;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  if (!(innermost instanceof Error)) return { error: typeof innermost };
  const code = "code" in innermost ? String(innermost.code) : undefined;
  // The stack begins with the message, and lines of a message may look like frames.
  const stack = innermost.stack?.replace(innermost.message, () => "") ?? "";
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return { error: innermost.name, code, at: frames.slice(0, 4).join(" | ").trim() };
}
