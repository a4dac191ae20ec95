import { errorCode, Failure, failure } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { unavailable } from "./failure.ts";

/** A failing write is tried again at most so often. */
const RETRY_WRITE_MS = 1_000;

/** Reports an event of the database to the log. */
export type ReportEvent = (
  event: "database_replaced" | "checkpoint_failing",
  fields: Readonly<Record<string, string>>,
) => void;

/**
 * What is wrong with a database although it may answer reads. Health asks it, so that a registry
 * whose every publish fails does not count as ready.
 */
export class DatabaseCondition {
  readonly #report: ReportEvent;
  readonly #isFull: () => boolean;
  #writeFault: string | undefined;
  #damage: string | undefined;
  #replacedFile: string | undefined;
  #checkpointFault: string | undefined;
  #lastTry: { readonly atMs: number; readonly result: Promise<void> } | undefined;

  /**
   * `isFull` returns whether the disk has no room, where the database is on a disk of this machine.
   */
  constructor(report: ReportEvent = () => undefined, isFull: () => boolean = () => false) {
    this.#report = report;
    this.#isFull = isFull;
  }

  /**
   * Takes note of what a read or a write failed with. What only one statement or one transaction
   * suffers, such as a lock that others hold, says nothing of the database.
   */
  noteFault(cause: unknown, wasWrite: boolean): void {
    if (cause instanceof Failure && errorCode(cause) === undefined) return;
    const code = errorCode(cause);
    const kind = faultCode(code)?.kind;
    if (code === undefined || kind === undefined || kind === "contended") return;
    if (kind === "damaged") this.#damage = code;
    else if (wasWrite) this.#writeFault = code;
  }

  /** Takes note of a write that is committed. */
  noteWritten(): void {
    this.#writeFault = undefined;
  }

  /** Takes note of a write that did not end. */
  noteHungWrite(): void {
    this.#writeFault = "Timeout";
  }

  /** Takes note of the database file that is not the opened one any more, or that all are again. */
  noteReplacedFile(name: string | undefined): void {
    if (name !== undefined && name !== this.#replacedFile) this.#report("database_replaced", { file: name });
    this.#replacedFile = name;
  }

  /** Takes note of how the WAL could not be copied into the database, or that it was. */
  noteCheckpoint(fault: string | undefined): void {
    if (fault !== undefined) this.#report("checkpoint_failing", { code: fault });
    this.#checkpointFault = fault;
  }

  /** Throws `database_unavailable` if what is written now would be gone after a restart. */
  requireSameFile(): void {
    if (this.#replacedFile !== undefined) throw unavailable();
  }

  /**
   * Throws if the database should get no requests: its file was replaced, it is damaged, or its
   * last write failed and `write`, which changes nothing, fails too.
   */
  async requireReady(write: () => Promise<unknown>): Promise<void> {
    this.requireSameFile();
    if (this.#damage !== undefined) throw failure({ code: "database_corrupt" });
    if (this.#writeFault === undefined) return;
    const nowMs = performance.now();
    if (this.#lastTry === undefined || nowMs - this.#lastTry.atMs > RETRY_WRITE_MS)
      this.#lastTry = { atMs: nowMs, result: this.#tryAgain(write) };
    await this.#lastTry.result;
  }

  /** The next try is a new one: that this one succeeded says nothing of a later fault. */
  async #tryAgain(write: () => Promise<unknown>): Promise<void> {
    // A write that changes nothing may find room where a publish does not.
    if (faultCode(this.#writeFault)?.kind === "full" && this.#isFull()) throw failure({ code: "storage_full" });
    await write();
    this.#writeFault = undefined;
    this.#lastTry = undefined;
  }

  /** What an operator should know, one sentence each. Empty if nothing is wrong. */
  get reasons(): readonly string[] {
    const reasons: string[] = [];
    if (this.#replacedFile !== undefined)
      reasons.push(
        `${this.#replacedFile} was deleted or replaced while the registry runs, so nothing is written: ` +
          "put the right file in its place and restart.",
      );
    if (this.#damage !== undefined)
      reasons.push(`The database is damaged (${this.#damage}): run fsck, restore a backup and restart.`);
    if (this.#writeFault !== undefined)
      reasons.push(`The database accepts no writes: ${textOf(this.#writeFault)} (${this.#writeFault}).`);
    if (this.#checkpointFault !== undefined)
      reasons.push(`registry.db-wal grows, because it cannot be copied into registry.db (${this.#checkpointFault}).`);
    return reasons;
  }
}

function textOf(code: string): string {
  return faultCode(code)?.reason ?? "it does not answer";
}
