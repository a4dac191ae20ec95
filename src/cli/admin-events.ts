import type { Deps } from "../deps.ts";
import { eventBefore, timeOfEvent } from "../events/event-before.ts";
import { type EventView, readEvents } from "../events/read-events.ts";
import { readDatabaseRows } from "../maintenance/open-copy.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print } from "../runtime/print.ts";
import { printableJson } from "../runtime/printable.ts";
import type { OfflineDeps } from "../start/open-offline.ts";
import { runOffline } from "../start/run-offline.ts";
import { EventFile } from "./event-file.ts";
import { UsageError } from "./usage.ts";

const PAGE = 500;
const FOLLOW_PAUSE_MS = 500;
const COLUMNS = ["id", "at", "kind", "user", "address", "tokenId", "package", "version", "details"] as const;
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** Options of `admin events`. */
export interface EventsArguments {
  readonly config: string | undefined;
  readonly since: string | undefined;
  readonly follow: boolean;
  readonly format: string;
  readonly output: string | undefined;
}

/** What a line of a file tells of its event. */
type WrittenEvent = Pick<EventView, "id" | "at">;

/** How events are written. */
interface Format {
  readonly head: string | undefined;
  line(event: EventView): string;
  /** The event in a line; undefined for another line. */
  eventOf(line: string): WrittenEvent | undefined;
}

const FORMATS: Readonly<Record<string, Format>> = {
  ndjson: {
    head: undefined,
    line: (event) => printableJson(event),
    eventOf: (line) => eventIn(/^\{"id":(\d+),"at":"([^"]+)"/, line),
  },
  csv: {
    head: COLUMNS.join(),
    line: (event) => COLUMNS.map((column) => csvCell(event[column])).join(),
    eventOf: (line) => eventIn(/^"(\d+)","([^"]+)",/, line),
  },
};

function eventIn(pattern: RegExp, line: string): WrittenEvent | undefined {
  const [, digits, at] = pattern.exec(line) ?? [];
  return digits === undefined || at === undefined ? undefined : { id: Number(digits), at };
}

/** Quotes a cell, and keeps a spreadsheet from running it. */
function csvCell(value: EventView[(typeof COLUMNS)[number]]): string {
  const text = typeof value === "string" ? value : value === null ? "" : printableJson(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/**
 * Prints the events of the audit feed, or appends them to a file that it continues. With `follow` it
 * goes on until SIGTERM or SIGINT. Throws `UsageError`, or `OperatorError` if the file is of another
 * format or of another feed.
 */
export async function adminEvents({ config, since, follow, output, ...given }: EventsArguments): Promise<number> {
  const format = FORMATS[given.format];
  if (format === undefined) throw new UsageError(`--format needs one of ${Object.keys(FORMATS).join(", ")}.`);
  const position = positionOf(since);
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  process.once("SIGINT", () => stop.abort());
  return runOffline(config, async (deps) => {
    const file = output === undefined ? undefined : new EventFile(output);
    try {
      const write = (text: string) => (file === undefined ? print(text) : file.write(`${text}\n`));
      const last = file?.lastLine === undefined ? undefined : lastEventOf(file.lastLine, format, output ?? "");
      if (last !== undefined) await requireSameFeed(deps, last, output ?? "");
      const continued = file?.lastLine === undefined ? undefined : (last?.id ?? 0);
      if (format.head !== undefined && continued === undefined) write(format.head);
      const after = continued ?? (position instanceof Date ? await eventBefore(deps, position) : position);
      await copyEvents(deps, after, (events) => write(events.map(format.line).join("\n")), { follow, stop });
      return 0;
    } finally {
      file?.close();
    }
  });
}

/** Reads `--since`: the id of an event, or a time. */
function positionOf(since: string | undefined): number | Date {
  if (since === undefined) return 0;
  if (/^\d{1,15}$/.test(since)) return Number(since);
  const at = new Date(since);
  if (/^\d{4}-\d{2}-\d{2}/.test(since) && !Number.isNaN(at.getTime())) return at;
  throw new UsageError(`--since needs the id of an event, or a time such as 2026-11-29T12:00:00Z, not '${since}'.`);
}

/** Returns the event after which a file goes on; undefined for one that has only its head. */
function lastEventOf(line: string, { head, eventOf }: Format, path: string): WrittenEvent | undefined {
  const event = eventOf(line);
  if (event === undefined && line !== head)
    throw new OperatorError(`${path} has other lines than this command writes. Name another file, or its --format.`);
  return event;
}

/**
 * Throws `OperatorError` if the database gives out an id again that the file has for another event:
 * it is an older one that was put back. After `backup restore` the last event may be gone, but new
 * ones have larger ids.
 */
async function requireSameFeed(
  { db, config }: Pick<OfflineDeps, "db"> & Pick<Deps, "config">,
  { id, at }: WrittenEvent,
  path: string,
): Promise<void> {
  const found = await timeOfEvent({ db }, id);
  if (found?.toISOString() === at) return;
  const lastIds = await readDatabaseRows(config.database, (source) => source.lastIds());
  if (found === undefined && (lastIds.get("events") ?? 0) >= id) return;
  throw new OperatorError(
    `${path} ends with the event ${id} of ${at}, and this database does not have it: an older database was put back, ` +
      "and gives out the same ids again. Keep the file, and name a new one.",
  );
}

async function copyEvents(
  deps: Pick<OfflineDeps, "db">,
  from: number,
  write: (events: readonly EventView[]) => void,
  { follow, stop }: { readonly follow: boolean; readonly stop: AbortController },
): Promise<void> {
  for (let after = from; !stop.signal.aborted; ) {
    const { items, next } = await readEvents(deps, { after, limit: PAGE });
    if (items.length > 0) write(items);
    after = next;
    if (items.length === PAGE) continue;
    if (!follow) return;
    await Bun.sleep(FOLLOW_PAUSE_MS);
  }
}
