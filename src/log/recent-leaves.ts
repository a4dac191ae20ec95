import type { BlobStore, SidecarName } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { checkpointOfNote } from "../tlog/checkpoint.ts";
import { parseDecimal } from "../tlog/encoding.ts";
import type { StoredLeaf } from "./leaf-details.ts";
import { readState } from "./log-rows.ts";
import { readStoredLeaves } from "./read-tile.ts";

/** Where the newest leaves lie until tiles have them. */
const RECENT_DIRECTORY = "recovery/recent";

/**
 * How long a change waits for the storage. Then it is answered: the database has it durably, and
 * the announcer writes it beside the archives later.
 */
const WAIT_MAX_MS = 2_000;
/** More leaves than this are left to the announcer alone: they come from a backfill. */
const LEAVES_MAX = 2_048;

/** Listing costs a request of a bucket. */
const LIST_EVERY_MS = 60_000;

/** One file of the newest leaves: those from index `from` to `to`, and the checkpoint of `to`. */
export interface RecentFile {
  readonly name: SidecarName;
  readonly from: number;
  readonly to: number;
}

/** What such a file holds. */
export interface RecentLeavesText {
  readonly leaves: readonly StoredLeaf[];
  readonly checkpoint: string;
}

/** What keeping the newest leaves needs. */
export interface RecentDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
}

/**
 * Keeps the newest leaves beside the archives, before a change is answered: the tiles and the
 * checkpoint follow only up to a second later. So `log recover` brings back every change that was
 * answered, with the tree that its proof shows, also if the database is lost in that second. Files
 * are removed once the tiles have their leaves.
 */
export class RecentLeaves {
  readonly #deps: RecentDeps;
  readonly #listEveryMs: number;
  #written: number;
  #own: RecentFile[] = [];
  #listedMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** `from` is the size of the tree whose leaves the tiles have. */
  constructor(deps: RecentDeps, from: number, listEveryMs = LIST_EVERY_MS) {
    this.#deps = deps;
    this.#written = from;
    this.#listEveryMs = listEveryMs;
  }

  /**
   * Resolves when the storage has every leaf that was committed before the call, or did not take it
   * in time. Calls that come while a file is written share the next one. Never rejects.
   */
  settle(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#write();
      return this.#running;
    });
    return this.#next;
  }

  /**
   * Removes what the tiles of a tree of `size` leaves have. At most once a minute it lists those of
   * every process: an offline command leaves its own, and other workers may have been killed.
   */
  async forget(size: number): Promise<void> {
    const { blobs } = this.#deps;
    const startedMs = performance.now();
    const isListed = startedMs - this.#listedMs < this.#listEveryMs;
    const known = isListed ? this.#own : await recentFiles(blobs);
    for (const file of known) if (file.to <= size) await blobs.removeSidecar(file.name);
    this.#own = this.#own.filter(({ to }) => to > size);
    if (!isListed) this.#listedMs = startedMs;
  }

  async #write(): Promise<void> {
    try {
      await withTimeout(WAIT_MAX_MS, this.#writeNew());
    } catch (cause) {
      this.#deps.logger.warn("log_copy_failing", errorFields(cause));
    }
  }

  async #writeNew(): Promise<void> {
    const { db, blobs, failpoints } = this.#deps;
    const from = this.#written;
    const found = await db.read(async (session) => {
      const state = await readState(session);
      const isFew = state.size > from && state.size - from <= LEAVES_MAX;
      return { state, leaves: isFew ? await readStoredLeaves(session, from, state.size) : [] };
    });
    const { size: to, checkpoint } = found.state;
    if (found.leaves.length > 0) {
      const name = `${RECENT_DIRECTORY}/${from}-${to}-${crypto.randomUUID()}` as const;
      await blobs.putRecent(name, formatRecent({ leaves: found.leaves, checkpoint }));
      this.#own.push({ name, from, to });
    }
    this.#written = Math.max(from, to);
    failpoints.hit("log.kept");
  }
}

/** Formats a file of the newest leaves. */
export function formatRecent({ leaves, checkpoint }: RecentLeavesText): string {
  const lines = leaves.map(({ leaf, details }) => JSON.stringify({ leaf, details }));
  return [...lines, JSON.stringify({ checkpoint }), ""].join("\n");
}

/** Lists the files of the newest leaves in the order of their leaves. */
export async function recentFiles(blobs: Pick<BlobStore, "sidecarsIn">): Promise<RecentFile[]> {
  const names = await blobs.sidecarsIn(RECENT_DIRECTORY);
  const files = names.flatMap((text): RecentFile[] => {
    const [, fromText = "", toText = ""] = /^(\d+)-(\d+)-[0-9a-f-]{36}$/.exec(text) ?? [];
    const [from, to] = [parseDecimal(fromText), parseDecimal(toText)];
    return from === undefined || to === undefined ? [] : [{ name: `${RECENT_DIRECTORY}/${text}`, from, to }];
  });
  return files.sort((a, b) => a.from - b.from || a.to - b.to);
}

/**
 * Returns the size of the largest tree of which the newest leaves were kept, 0 without any. A power
 * cut may have taken the contents of their files.
 */
export async function recentSize(blobs: Pick<BlobStore, "sidecarsIn">): Promise<number> {
  return Math.max(0, ...(await recentFiles(blobs)).map(({ to }) => to));
}

/**
 * Reads a file of the newest leaves. Returns undefined if it is gone, or was cut off: while it was
 * written, and then nobody was answered for it, or by a power cut.
 */
export async function readRecent(
  blobs: Pick<BlobStore, "readSidecar">,
  { name, from, to }: RecentFile,
): Promise<RecentLeavesText | undefined> {
  const text = await blobs.readSidecar(name);
  if (text === undefined || !text.endsWith("\n")) return undefined;
  try {
    const rows: Partial<Record<string, unknown>>[] = text
      .trimEnd()
      .split("\n")
      .map((line) => Object(JSON.parse(line)));
    const checkpoint = rows.pop()?.checkpoint;
    const leaves = rows.flatMap(({ leaf, details }): StoredLeaf[] =>
      typeof leaf === "string" ? [{ leaf, details: typeof details === "string" ? details : null }] : [],
    );
    if (typeof checkpoint !== "string" || leaves.length !== to - from) return undefined;
    return checkpointOfNote(checkpoint)?.size === to ? { leaves, checkpoint } : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
