import type { DbSession } from "../db/database.ts";
import { type Failpoints, noFailpoints } from "../runtime/failpoints.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import {
  formatVerifierKey,
  type SignerKey,
  signatureLine,
  signNote,
  type VerifierKey,
  verifyNote,
} from "../tlog/note.ts";
import { type Appended, appendLeaves, type NewLeaf } from "./append.ts";
import type { Frontier } from "./frontier.ts";
import type { Cosigner, LogKeys } from "./log-keys.ts";
import type { LogStateRow } from "./log-rows.ts";

/** A rollback: the database lacks leaves that were published. */
export interface Rollback {
  /** Undefined if the copy in the blob store is a checkpoint of another log. */
  readonly publishedSize: number | undefined;
  readonly foundSize: number;
  /** True if a witness showed it, and not the copy in the blob store. */
  readonly isWitnessed?: boolean;
}

/** What a log may have besides its keys. */
interface LogOptions {
  readonly rollback?: Rollback | undefined;
  readonly failpoints?: Failpoints | undefined;
  readonly clock: () => Date;
  /** A key that signed the log before this one, of which the process may have no secret. */
  readonly earlier?: VerifierKey | undefined;
}

/**
 * The log in this process: its keys, the frontier of its last append, and whether it may be
 * written.
 */
export class TransparencyLog {
  readonly verifier: VerifierKey;
  /** The verifier key in the form of signed notes. */
  readonly vkey: string;
  /** Undefined if the key is missing: then the log is read-only. */
  readonly signer: SignerKey | undefined;
  readonly failpoints: Failpoints;
  /**
   * Called on every append, before its transaction is committed. Also called when an append finds
   * the database behind what this process saw committed.
   */
  onAppend: () => void = () => undefined;
  /** Called when the log becomes read-only, or writable again, while this process runs. */
  onModeChange: () => void = () => undefined;
  /**
   * True if there was no copy of the checkpoint at start although the log had leaves. It stays true
   * until the next start: an operator should see it, and the next publish writes a copy.
   */
  isGuardMissing = false;
  /** How many times this process appended, whether committed or not. */
  appends = 0;
  /** The file of the key that this process made at the first start. */
  newKeyPath: string | undefined;
  readonly #cosigners: readonly Cosigner[];
  readonly #earlier: readonly VerifierKey[];
  readonly #clock: () => Date;
  #isReplaced = false;
  #rollback: Rollback | undefined;
  #committedSize = 0;
  #last: { readonly root: string; readonly frontier: Frontier } | undefined;

  constructor({ verifier, signer, cosigners }: LogKeys, { rollback, failpoints, clock, earlier }: LogOptions) {
    this.verifier = verifier;
    this.vkey = formatVerifierKey(verifier);
    this.signer = signer;
    this.#cosigners = cosigners;
    this.#earlier = earlier === undefined ? [] : [earlier];
    this.#rollback = rollback;
    this.failpoints = failpoints ?? noFailpoints;
    this.#clock = clock;
  }

  /** The first line of the log's checkpoints. */
  get origin(): string {
    return this.verifier.name;
  }

  /**
   * Signs the text of a checkpoint, with the keys too that a rotation replaced, while they still
   * sign. Throws without a key.
   */
  sign(text: string): string {
    if (this.signer === undefined) throw new Error("The log has no key");
    const nowMs = this.#clock().getTime();
    const others = this.#cosigners.filter(({ untilMs }) => nowMs < untilMs);
    return [signNote(text, this.signer), ...others.map(({ key }) => signatureLine(text, key))].join("");
  }

  /**
   * Reports whether keys of this process signed the tree that the database has. If not, somebody
   * wrote to the database, and the log must not continue what they wrote.
   */
  hasSigned({ checkpoint, size, root }: Pick<LogStateRow, "checkpoint" | "size" | "root">): boolean {
    const keys = [this.verifier, ...this.#cosigners.map(({ key }) => key), ...this.#earlier];
    const signed = parseCheckpoint(verifyNote(checkpoint, keys)?.text ?? "");
    return signed?.size === size && signed.root.toString("hex") === root;
  }

  /**
   * Whether this process can sign: it has a key, and the last append found no other one in its
   * place.
   */
  get hasKey(): boolean {
    return this.signer !== undefined && !this.#isReplaced;
  }

  /**
   * Records the key that the database names. It differs if the key was replaced while this process
   * ran.
   */
  recordKey(vkey: string): void {
    const hadKey = this.hasKey;
    this.#isReplaced = vkey !== this.vkey;
    if (this.hasKey !== hadKey) this.onModeChange();
  }

  /** Set while the log is read-only. */
  get rollback(): Rollback | undefined {
    return this.#rollback;
  }

  /**
   * The size of the largest tree that this process saw committed. Only a rollback makes a tree
   * smaller.
   */
  get committedSize(): number {
    return this.#committedSize;
  }

  /**
   * Records what the rollback guard found: a tree of `size` leaves that continues what was
   * published, or a rollback.
   */
  recordCheck(size: number, rollback: Rollback | undefined): void {
    const wasRolledBack = this.#rollback !== undefined;
    this.#rollback = rollback;
    if ((rollback !== undefined) !== wasRolledBack) this.onModeChange();
    if (rollback === undefined) this.#committedSize = Math.max(size, this.#committedSize);
  }

  /**
   * Appends leaves in the transaction of the change that they record. So every visible change is in
   * the log, and no crash separates the two. `recordIndex` stores where the leaves are.
   *
   * Call it last in a transaction: the log stays locked until the transaction ends. Throws
   * `log_rollback`.
   */
  append(
    session: DbSession,
    leaves: readonly NewLeaf[],
    recordIndex: (firstIndex: number) => Promise<unknown> = async () => undefined,
  ): Promise<Appended> {
    return appendLeaves(session, this, leaves, recordIndex);
  }

  /**
   * Returns the cached frontier if it belongs to this state. The cached one may come from a
   * transaction that was rolled back: then no committed state has its root, and it is never
   * returned.
   */
  frontierOf({ size, root }: Pick<LogStateRow, "size" | "root">): Frontier | undefined {
    return this.#last?.root === root && this.#last.frontier.size === size ? this.#last.frontier : undefined;
  }

  /** Caches the frontier of the last append. */
  setFrontier({ root }: Pick<LogStateRow, "root">, frontier: Frontier): void {
    this.#last = { root, frontier };
    this.appends += 1;
    this.onAppend();
  }
}
