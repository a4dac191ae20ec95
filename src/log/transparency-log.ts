import type { DbSession } from "../db/database.ts";
import { type Failpoints, noFailpoints } from "../runtime/failpoints.ts";
import type { SignerKey } from "../tlog/note.ts";
import { type Appended, appendLeaves } from "./append.ts";
import type { Frontier } from "./frontier.ts";
import type { LogStateRow } from "./log-rows.ts";

/** The database is not what was published: sizes of both. */
export interface Rollback {
  /** Undefined when the checkpoint beside the archives is of another log. */
  readonly publishedSize: number | undefined;
  readonly foundSize: number;
}

/** A log as this process knows it: who signs, and where the tree ended the last time. */
export class TransparencyLog {
  readonly signer: SignerKey;
  readonly failpoints: Failpoints;
  /** Told of every append, before its transaction is committed, and of one that finds the database behind what was committed. */
  onNews: () => void = () => undefined;
  #rollback: Rollback | undefined;
  #committedSize = 0;
  #last: { readonly root: string; readonly frontier: Frontier } | undefined;

  constructor(signer: SignerKey, rollback: Rollback | undefined, failpoints: Failpoints = noFailpoints) {
    this.signer = signer;
    this.#rollback = rollback;
    this.failpoints = failpoints;
  }

  /** The first line of its checkpoints. */
  get origin(): string {
    return this.signer.name;
  }

  /** Set while the log may not be written. */
  get rollback(): Rollback | undefined {
    return this.#rollback;
  }

  /** How large the tree was that this process last saw committed: it never gets smaller but by a rollback. */
  get committedSize(): number {
    return this.#committedSize;
  }

  /** What the guard found: that the tree of this size goes on what was published, or a rollback. */
  guarded(size: number, rollback: Rollback | undefined): void {
    this.#rollback = rollback;
    if (rollback === undefined) this.#committedSize = Math.max(size, this.#committedSize);
  }

  /**
   * Appends leaves in the transaction of the change that they tell of: whoever sees the change finds it in the log, and
   * no crash parts them. `place` writes down where they are. Call it last, because the log is locked until the
   * transaction ends. Throws `log_rollback`.
   */
  append(
    session: DbSession,
    leaves: readonly string[],
    place: (firstIndex: number) => Promise<unknown> = async () => undefined,
  ): Promise<Appended> {
    return appendLeaves(session, this, leaves, place);
  }

  /**
   * The end of the tree, if it is the one that is remembered. It may be of a transaction that was rolled back: then its
   * root is no other tree's, and it is not asked for.
   */
  recall({ size, root }: Pick<LogStateRow, "size" | "root">): Frontier | undefined {
    return this.#last?.root === root && this.#last.frontier.size === size ? this.#last.frontier : undefined;
  }

  remember({ root }: Pick<LogStateRow, "root">, frontier: Frontier): void {
    this.#last = { root, frontier };
    this.onNews();
  }
}
