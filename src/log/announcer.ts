import type { BlobStore } from "../blobs/store.ts";
import type { WitnessAddress } from "../config/witnesses.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { verifierOf } from "../tlog/note.ts";
import { WitnessAsker } from "./ask-witnesses.ts";
import { type LogStateRow, readState } from "./log-rows.ts";
import { CHECKPOINT_COPY, findRollback } from "./rollback-guard.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** Commits that come together are announced together: a copy costs two syncs, or a request to S3. */
const GATHER_MS = 250;
/** After a failure: the storage may be away for longer. */
const AGAIN_MS = 5_000;
/** Longer than any transaction lasts: what was appended shortly before may be committed only then. */
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
 * Tells others of a new checkpoint once it is committed, off the publish path: its copy beside the archives, which the
 * rollback guard reads, then witnesses. What is lost with the process is only older news.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  readonly #asker: WitnessAsker;
  #timer: Timer | undefined;
  /** Apart from the other: what is committed now does not wait for what may be committed late. */
  #late: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #announced: string | undefined;
  /** The copy that this process made last. */
  #copied: string | undefined;
  #isWoken = false;
  #closed = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
    this.#asker = new WitnessAsker(deps, deps.witnesses);
  }

  /** Call it before or after the commit: what is announced is what is committed by then. */
  wake(): void {
    if (this.#closed) return;
    this.#isWoken = true;
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
      if (await this.#isRolledBack(state)) return this.#startIn(AGAIN_MS);
      await blobs.putSidecar(CHECKPOINT_COPY, state.checkpoint);
      this.#copied = state.checkpoint;
      failpoints.hit("log.copied");
      this.#announced = state.root;
      if (!this.#closed) await this.#asker.ask(state);
    } catch (cause) {
      logger.warn("log_copy_failing", errorFields(cause));
      this.#startIn(AGAIN_MS);
    }
  }

  /**
   * Whether the database is behind what was published, as after a failover to a replica that lacked the last changes: then the
   * copy, which tells of it, stays, and the log is for reading only until the database is the right one again.
   */
  async #isRolledBack({ size }: Pick<LogStateRow, "size">): Promise<boolean> {
    const { db, blobs, log, logger } = this.#deps;
    const isOurs = this.#copied !== undefined && (await blobs.readSidecar(CHECKPOINT_COPY)) === this.#copied;
    const rollback =
      isOurs && size >= log.committedSize ? undefined : await findRollback({ db, blobs }, verifierOf(log.signer));
    if (rollback !== undefined && log.rollback === undefined) logger.error("log_rollback", { ...rollback });
    log.guarded(size, rollback);
    return rollback !== undefined;
  }

  /** Announces what is not announced yet. Who appended nothing has no news: it may be of a database that was restored. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#late);
    await this.#running;
    if (this.#isWoken) await this.#announce();
  }
}
