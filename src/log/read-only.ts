import { eq } from "drizzle-orm";
import { OPERATOR, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import { READ_ONLY } from "../db/invalidations.ts";
import { failure } from "../errors.ts";
import { RECOVERY_REASON } from "./append.ts";
import { lockState, readState } from "./log-rows.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** Everything that stops changes while reads go on. */
export const READ_ONLY_CAUSES = ["setting", "operator", "log_recovery", "log_rollback", "log_key_missing"] as const;

/** Why changes are refused, in the form in which health shows it. */
export interface ReadOnlyCause {
  /**
   * `setting`: `READ_ONLY` of this server. `operator`: `admin read-only on`, for all servers.
   * `log_recovery`: `log recover` is not finished. The other two refuse what would be logged.
   */
  readonly cause: (typeof READ_ONLY_CAUSES)[number];
  /** In words for everybody who is refused. It continues a sentence, so it has no full stop. */
  readonly reason: string;
  /** RFC 3339. Only of `operator`. */
  readonly since?: string;
}

/** What the database says to all servers. */
interface StoredMode {
  /** What an operator stored. */
  readonly byOperator: { readonly reason: string; readonly since: Date } | undefined;
  /** Whether a recovery of the log is not finished. */
  readonly isRecovering: boolean;
}

const SETTING: ReadOnlyCause = { cause: "setting", reason: "its operator set READ_ONLY" };
const RECOVERY: ReadOnlyCause = { cause: "log_recovery", reason: RECOVERY_REASON };
const ROLLBACK: ReadOnlyCause = {
  cause: "log_rollback",
  reason: "its database is behind what its log has published",
};
const KEY_MISSING: ReadOnlyCause = { cause: "log_key_missing", reason: "the key of its log is missing" };
const RETRY_AFTER_MS = 1_000;
/**
 * How long after the commit other changes than those of the log may still be committed: a server
 * hears of it within a second, and a write that has begun ends within six.
 */
export const SETTLED_AFTER_MS = 7_500;

interface ModeDeps {
  readonly db: Database;
  readonly log: Pick<TransparencyLog, "rollback" | "hasKey">;
  /** Whether the setting `READ_ONLY` is true. */
  readonly isSet: boolean;
}

/**
 * Whether changes are refused now. It follows what an operator stores in the database, within the
 * second in which every server hears of a commit. It is in memory, because every request with a
 * change asks. Requests that began before are refused by the append to the log, which reads the
 * database (append.ts), or are committed within the deadline of a write.
 */
export class ReadOnlyMode {
  readonly #deps: ModeDeps;
  #stored: StoredMode = { byOperator: undefined, isRecovering: false };
  #loading: Promise<void> | undefined;
  #isOutdated = false;

  private constructor(deps: ModeDeps) {
    this.#deps = deps;
  }

  /** Reads the present mode and follows it as long as the database is watched. */
  static async open(deps: ModeDeps): Promise<ReadOnlyMode> {
    const mode = new ReadOnlyMode(deps);
    deps.db.invalidations.listen((names) => {
      if (names === "any" || names.includes(READ_ONLY)) void mode.#reload();
    });
    mode.#stored = await deps.db.read(readStored);
    return mode;
  }

  /** Why changes are refused; undefined while they are not. */
  get cause(): ReadOnlyCause | undefined {
    const { isSet, log } = this.#deps;
    const { byOperator, isRecovering } = this.#stored;
    if (isRecovering) return RECOVERY;
    if (byOperator !== undefined) {
      return { cause: "operator", reason: byOperator.reason, since: byOperator.since.toISOString() };
    }
    if (isSet) return SETTING;
    if (log.rollback !== undefined) return ROLLBACK;
    return log.hasKey ? undefined : KEY_MISSING;
  }

  /** Whether every change is refused, and not only what would be logged. */
  get refusesWrites(): boolean {
    const { byOperator, isRecovering } = this.#stored;
    return this.#deps.isSet || isRecovering || byOperator !== undefined;
  }

  /** Throws `read_only` while every change is refused. */
  requireWritable(): void {
    const { cause } = this;
    if (this.refusesWrites && cause !== undefined) throw failure({ code: "read_only", reason: cause.reason });
  }

  /** Reads the mode again, and once more if it was changed meanwhile. */
  async #reload(): Promise<void> {
    this.#isOutdated = true;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  async #load(): Promise<void> {
    while (this.#isOutdated) {
      this.#isOutdated = false;
      try {
        const before = this.cause?.reason;
        this.#stored = await this.#deps.db.read(readStored);
        // Every cached page says that the registry is read-only, or does not.
        if (this.cause?.reason !== before) this.#deps.db.invalidations.notify("any");
      } catch {
        // The database is away. Nothing is written meanwhile, and the mode may change.
        setTimeout(() => void this.#reload(), RETRY_AFTER_MS).unref();
        return;
      }
    }
  }
}

async function readStored(session: DbSession): Promise<StoredMode> {
  const { readOnlyReason: reason, readOnlySince: since, recoveredTo } = await readState(session);
  const byOperator = reason === null || since === null ? undefined : { reason, since };
  return { byOperator, isRecovering: recoveredTo !== null };
}

/** Returns what an operator stored with `setReadOnly`. Undefined while the registry is writable. */
export async function readReadOnly(session: DbSession): Promise<StoredMode["byOperator"]> {
  return (await readStored(session)).byOperator;
}

/** The result of `setReadOnly`. */
export interface ReadOnlyChange {
  /** False if the registry was in this mode already, for the same reason. */
  readonly changed: boolean;
  readonly reason: string | undefined;
  readonly since: Date | undefined;
}

/**
 * Makes a registry read-only for `reason`, or writable if it is undefined, on all servers of the
 * database. Another reason replaces the present one and keeps its time. After the commit, no leaf
 * is appended to the log any more. Other changes that are under way may be committed for as long as
 * `SETTLED_AFTER_MS`. Either ends that the database counts as moved (moved.ts).
 */
export function setReadOnly(
  { db, clock }: { readonly db: Database; readonly clock: () => Date },
  reason: string | undefined,
): Promise<ReadOnlyChange> {
  return db.write(async (session) => {
    const before = await lockState(session);
    const changed = (before.readOnlyReason ?? undefined) !== reason || before.movedTo !== null;
    const since = reason === undefined ? undefined : (before.readOnlySince ?? clock());
    if (!changed) return { changed, reason, since };
    const { logState } = session.tables;
    const columns = { readOnlyReason: reason ?? null, readOnlySince: since ?? null, movedTo: null, movedAt: null };
    await session.query.update(logState).set(columns).where(eq(logState.id, 1));
    const kind = reason === undefined ? "registry.writable" : "registry.read_only";
    await recordEvent(session, OPERATOR, kind, clock(), { details: reason === undefined ? {} : { reason } });
    session.invalidate(READ_ONLY);
    return { changed, reason, since };
  });
}
