export const LOG_LEVELS = ["info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Codes, ids, counts and durations, and of what a client sent only method, path and request id. Never a query, another header
 * or a body: passwords and tokens are there.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes one JSON line per event to stderr; stdout belongs to the commands' answers. */
export interface Logger {
  /** False where a line per request would be dropped: then nobody need put one together. */
  readonly tellsRequests: boolean;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** How often each warning and error happened since the start, also those that the level keeps out of the log. */
  readonly counts: ReadonlyMap<string, number>;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2, silent: 3 };

/** Makes a logger that drops events below `level`. `write` takes one line without its end. */
export function createLogger(
  level: LogLevel,
  clock: () => Date,
  write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Logger {
  const counts = new Map<string, number>();
  const at = (severity: "info" | "warn" | "error") => (event: string, fields?: LogFields) => {
    if (severity !== "info") counts.set(event, (counts.get(event) ?? 0) + 1);
    if (SEVERITY[severity] < SEVERITY[level]) return;
    write(JSON.stringify({ time: clock().toISOString(), level: severity, event, ...fields }));
  };
  return { tellsRequests: level === "info", info: at("info"), warn: at("warn"), error: at("error"), counts };
}

/**
 * What may be logged of an unexpected error: its class, its code and where it was thrown. Never its message, because
 * the messages of drivers carry parameters, password hashes among them.
 */
export function errorFields(cause: unknown): LogFields {
  let innermost = cause;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  if (!(innermost instanceof Error)) return { error: typeof innermost };
  const code = "code" in innermost ? String(innermost.code) : undefined;
  // The stack begins with the message, whose lines may look like frames.
  const stack = innermost.stack?.replace(innermost.message, () => "") ?? "";
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return { error: innermost.name, code, at: frames.slice(0, 4).join(" | ").trim() };
}
