import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { type LogStateRow, readState } from "./log-rows.ts";
import type { RecentLeaves } from "./recent-leaves.ts";
import { CHECKPOINT_COPY, checkGuard } from "./rollback-guard.ts";
import { removePartialTiles, writeStaticTiles } from "./static-tiles.ts";
import type { TransparencyLog } from "./transparency-log.ts";
import type { WitnessClient } from "./witness-client.ts";

/**
 * How long to gather commits before one announcement: each copy costs two syncs or a request to S3.
 */
const GATHER_MS = 250;
/** The pause after a failure. The storage may be unavailable for longer. */
const RETRY_AFTER_MS = 5_000;
/**
 * Longer than any transaction lasts. A leaf appended just before `wake` may be committed as late as
 * this.
 */
const LATE_COMMIT_MS = 7_000;
/** How long a process that ends may write tiles. */
const CLOSE_MAX_MS = 3_000;

interface AnnouncerDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  readonly witnesses: WitnessClient;
  readonly log: TransparencyLog;
  readonly recent: Pick<RecentLeaves, "forget">;
}

/**
 * Announces each committed checkpoint, outside of the publish path. It first writes the new tiles
 * beside the archives, then copies the checkpoint there, where the rollback guard reads it, and
 * then asks the witnesses. If the process dies before, the next announcement covers everything that
 * was not announced.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  #timer: Timer | undefined;
  /** A second timer, so that the first announcement does not wait for commits that come late. */
  #late: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #announced: string | undefined;
  /** The checkpoint that this process copied last, and its size. */
  #copied: { readonly checkpoint: string; readonly size: number } | undefined;
  #hasAppended = false;
  #closed = false;
  /** When writing tiles must end. The next start continues. */
  #endMs = Number.POSITIVE_INFINITY;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  /**
   * Schedules an announcement. Call it before or after the commit: it announces what is committed
   * when it runs.
   */
  wake(): void {
    if (this.#closed) return;
    this.#hasAppended = true;
    this.#startIn(GATHER_MS);
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.#startIn(0), LATE_COMMIT_MS);
    this.#late.unref();
  }

  /**
   * Announces what a killed process committed and did not announce. It leaves a missing copy of the
   * checkpoint to the next publish, because the database may have been restored from a backup.
   */
  catchUp(): void {
    const { rollback, isGuardMissing } = this.#deps.log;
    if (rollback === undefined && !isGuardMissing) this.#startIn(0);
  }

  #startIn(afterMs: number): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#announce());
    }, afterMs);
    this.#timer.unref();
  }

  async #announce(): Promise<void> {
    const { db, blobs, log, logger, failpoints, witnesses, recent } = this.#deps;
    try {
      const state = await db.read(readState);
      if (state.root === this.#announced && log.rollback === undefined) return;
      failpoints.hit("log.committed");
      const copied = await this.#checkedCopy(state);
      if (copied === undefined) return this.#startIn(RETRY_AFTER_MS);
      // Another server that committed more has copied it already.
      if (copied > state.size) return;
      if (!(await writeStaticTiles({ db, blobs }, copied, state.size, () => this.#mustEnd()))) return;
      failpoints.hit("log.tiled");
      await blobs.putSidecar(CHECKPOINT_COPY, state.checkpoint);
      this.#copied = state;
      failpoints.hit("log.copied");
      this.#announced = state.root;
      await removePartialTiles(blobs, copied, state.size);
      await recent.forget(state.size);
      if (!this.#closed) await witnesses.collectCosignatures(state);
    } catch (cause) {
      logger.warn("log_copy_failing", errorFields(cause));
      this.#startIn(RETRY_AFTER_MS);
    }
  }

  /**
   * Returns the size of the tree whose checkpoint and tiles are copied, 0 if there is no copy. It
   * returns undefined if the database is behind what was published, as after a failover to a
   * replica that lacked the last changes. The copy in the blob store proves the rollback, so it
   * must stay. The log is read-only until the database holds everything that was published.
   */
  async #checkedCopy({ size }: Pick<LogStateRow, "size">): Promise<number | undefined> {
    const { db, blobs, log, logger } = this.#deps;
    const own = this.#copied;
    const isOurs = own !== undefined && (await blobs.readSidecar(CHECKPOINT_COPY)) === own.checkpoint;
    const { rollback, copiedSize } =
      isOurs && size >= log.committedSize
        ? { rollback: undefined, copiedSize: own.size }
        : await checkGuard({ db, blobs });
    if (rollback !== undefined && log.rollback === undefined) logger.error("log_rollback", { ...rollback });
    log.recordCheck(size, rollback);
    return rollback === undefined ? (copiedSize ?? 0) : undefined;
  }

  #mustEnd(): boolean {
    return performance.now() > this.#endMs;
  }

  /**
   * Stops, after one last announcement of what this process appended. A process that appended
   * nothing announces nothing: its database may have been restored from a backup.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endMs = performance.now() + CLOSE_MAX_MS;
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    await this.#running;
    if (this.#hasAppended) await this.#announce();
  }
}
