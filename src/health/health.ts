import { sql } from "drizzle-orm";
import { probeWrite } from "../db/write-probe.ts";
import type { Deps } from "../deps.ts";
import type { ReadOnlyCause } from "../log/read-only.ts";
import { errorFields } from "../runtime/logger.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { VERSION } from "../runtime/version.ts";

/**
 * The limit of one check. A hung disk or network would never respond, and no response is a result
 * too.
 */
const CHECK_MAX_MS = 2_000;

type ProbeResult = "ok" | "failing";

/** The response of `/health`. */
export interface Health {
  readonly status: "ok" | "unhealthy";
  readonly version: string;
  readonly checks: {
    readonly database: ProbeResult;
    readonly storage: ProbeResult;
    /** Present only if the log must not be written. */
    readonly log?: ProbeResult;
  };
  /** Present while changes are refused. Reads go on, so it does not make the registry unhealthy. */
  readonly readOnly?: ReadOnlyCause;
  /** What is wrong with the database, for an operator. Absent if there is nothing. */
  readonly reasons?: readonly string[];
  /** What an operator should know although the registry is healthy. Absent if there is nothing. */
  readonly warnings?: readonly ("log_guard_missing" | "log_key_missing")[];
}

/**
 * Reads something. After a fault it also asks whether writes work again, by one that changes
 * nothing. It is durable like every other, so a disk that does not sync fails it too.
 */
async function checkDatabase(db: Deps["db"]): Promise<void> {
  await db.read(({ rows }) => rows(sql`SELECT count(*) FROM schema_migrations`));
  await db.condition.requireReady(() => probeWrite(db));
}

/**
 * Checks whether database and storage work, and whether the log may be written. Never throws: a
 * check that fails or takes too long is `failing`, and logged.
 */
export async function checkHealth({
  db,
  blobs,
  log,
  logger,
  readOnly,
}: Pick<Deps, "db" | "blobs" | "log" | "logger" | "readOnly">): Promise<Health> {
  const probe = async (name: string, work: Promise<unknown>): Promise<ProbeResult> => {
    try {
      await withTimeout(CHECK_MAX_MS, work);
      return "ok";
    } catch (cause) {
      logger.warn(`${name}_failing`, errorFields(cause));
      return "failing";
    }
  };
  const [database, storage] = await Promise.all([
    probe("database", checkDatabase(db)),
    probe("storage", blobs.check()),
  ]);
  // Reads still work after a rollback, but nobody should take this for a healthy registry.
  const logged = log.rollback === undefined && log.hasKey ? {} : { log: "failing" as const };
  const checks = { database, storage, ...logged };
  const healthy = Object.values(checks).every((check) => check === "ok");
  const warnings = [
    ...(log.isGuardMissing ? ["log_guard_missing" as const] : []),
    ...(!log.hasKey ? ["log_key_missing" as const] : []),
  ];
  const { reasons } = db.condition;
  const { cause } = readOnly;
  return {
    status: healthy ? "ok" : "unhealthy",
    version: VERSION,
    checks,
    ...(cause === undefined ? {} : { readOnly: cause }),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(reasons.length === 0 ? {} : { reasons }),
  };
}
