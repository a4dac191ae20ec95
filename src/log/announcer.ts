import type { BlobStore } from "../blobs/store.ts";
import type { WitnessAddress } from "../config/witnesses.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { verifierOf } from "../tlog/note.ts";
import { type LogStateRow, readState } from "./log-rows.ts";
import { CHECKPOINT_COPY, findRollback } from "./rollback-guard.ts";
import type { TransparencyLog } from "./transparency-log.ts";
import { WitnessClient } from "./witness-client.ts";

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

interface AnnouncerDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  readonly witnesses: readonly WitnessAddress[];
  readonly log: TransparencyLog;
}

/**
 * Announces each committed checkpoint, outside of the publish path. It first copies the checkpoint
 * into the blob store, where the rollback guard reads it, and then asks the witnesses. If the
 * process dies before, the next announcement covers everything that was not announced.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  readonly #witnesses: WitnessClient;
  #timer: Timer | undefined;
  /** A second timer, so that the first announcement does not wait for commits that come late. */
  #late: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #announced: string | undefined;
  /** The checkpoint that this process copied last. */
  #copied: string | undefined;
  #hasAppended = false;
  #closed = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
    this.#witnesses = new WitnessClient(deps, deps.witnesses);
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

  #startIn(afterMs: number): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#announce());
    }, afterMs);
    this.#timer.unref();
  }

  async #announce(): Promise<void> {
    const { db, blobs, log, logger, failpoints } = this.#deps;
    try {
      const state = await db.read(readState);
      if (state.root === this.#announced && log.rollback === undefined) return;
      failpoints.hit("log.committed");
      if (await this.#isRolledBack(state)) return this.#startIn(RETRY_AFTER_MS);
      await blobs.putSidecar(CHECKPOINT_COPY, state.checkpoint);
      this.#copied = state.checkpoint;
      failpoints.hit("log.copied");
      this.#announced = state.root;
      if (!this.#closed) await this.#witnesses.collectCosignatures(state);
    } catch (cause) {
      logger.warn("log_copy_failing", errorFields(cause));
      this.#startIn(RETRY_AFTER_MS);
    }
  }

  /**
   * Returns whether the database is behind what was published, as after a failover to a replica
   * that lacked the last changes. The copy in the blob store proves the rollback, so it must stay.
   * The log is read-only until the database holds everything that was published.
   */
  async #isRolledBack({ size }: Pick<LogStateRow, "size">): Promise<boolean> {
    const { db, blobs, log, logger } = this.#deps;
    const isOurs = this.#copied !== undefined && (await blobs.readSidecar(CHECKPOINT_COPY)) === this.#copied;
    const rollback =
      isOurs && size >= log.committedSize ? undefined : await findRollback({ db, blobs }, verifierOf(log.signer));
    if (rollback !== undefined && log.rollback === undefined) logger.error("log_rollback", { ...rollback });
    log.recordCheck(size, rollback);
    return rollback !== undefined;
  }

  /**
   * Stops, after one last announcement of what this process appended. A process that appended
   * nothing announces nothing: its database may have been restored from a backup.
   */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    await this.#running;
    if (this.#hasAppended) await this.#announce();
  }
}
