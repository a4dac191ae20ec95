import type { Database as BunDatabase } from "bun:sqlite";
import { errorCode } from "../../errors.ts";
import type { DatabaseCondition } from "../condition.ts";
import type { DatabaseFiles } from "./database-files.ts";

/** The number of WAL pages at which SQLite copies them into the database, after a commit. */
export const CHECKPOINT_PAGES = 4_000;
/** A page of 4096 bytes with its header in the WAL. */
const FRAME_BYTES = 4_120;
/** Twice the size at which SQLite itself should have begun the file anew. */
const WAL_LARGE_BYTES = 2 * CHECKPOINT_PAGES * FRAME_BYTES;
const RETRY_MS = 5_000;

/**
 * Empties a WAL that grows because its pages cannot be copied into the database: the disk of the
 * database fails or is full, or another process keeps a transaction open. SQLite itself ignores
 * that its checkpoint after a commit failed.
 */
export class Checkpoints {
  #triedMs = Number.NEGATIVE_INFINITY;
  #isFailing = false;

  constructor(
    readonly writer: BunDatabase,
    readonly files: DatabaseFiles,
    readonly condition: DatabaseCondition,
  ) {}

  /** Whether the WAL should be emptied now. */
  get isDue(): boolean {
    if (performance.now() - this.#triedMs < RETRY_MS) return false;
    return this.#isFailing || this.files.walBytes > WAL_LARGE_BYTES;
  }

  /** Empties the WAL, while the writer is in no transaction. */
  run(): void {
    this.#triedMs = performance.now();
    const fault = this.#attempt();
    this.#isFailing = fault !== undefined;
    this.condition.noteCheckpoint(fault);
  }

  #attempt(): string | undefined {
    try {
      const row = this.writer.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
      return row?.busy === 0 ? undefined : "SQLITE_BUSY";
    } catch (cause) {
      return errorCode(cause) ?? "unknown";
    }
  }
}
