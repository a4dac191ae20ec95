import { sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { errorFields } from "../runtime/logger.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { VERSION } from "../runtime/version.ts";

/** Who asks for health waits a few seconds at most: no answer is an answer. A hung disk or network would give none. */
const CHECK_MAX_MS = 2_000;

type ProbeResult = "ok" | "failing";

/** What `/health` answers. */
export interface Health {
  readonly status: "ok" | "unhealthy";
  readonly version: string;
  readonly checks: {
    readonly database: ProbeResult;
    readonly storage: ProbeResult;
    /** Only there when the log may not be written. */
    readonly log?: ProbeResult;
  };
}

/** Asks database and storage whether they work, and whether the log may be written. Never throws: what fails or is late is `failing`, and logged. */
export async function checkHealth({
  db,
  blobs,
  log,
  logger,
}: Pick<Deps, "db" | "blobs" | "log" | "logger">): Promise<Health> {
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
    probe(
      "database",
      db.read(({ rows }) => rows(sql`SELECT count(*) FROM schema_migrations`)),
    ),
    probe("storage", blobs.check()),
  ]);
  // Reading goes on after a rollback, but nobody should take it for the registry that it was.
  const logged = log.rollback === undefined ? {} : { log: "failing" as const };
  const checks = { database, storage, ...logged };
  const healthy = Object.values(checks).every((check) => check === "ok");
  return { status: healthy ? "ok" : "unhealthy", version: VERSION, checks };
}
