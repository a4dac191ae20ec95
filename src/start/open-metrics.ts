import type { Database } from "../db/database.ts";
import { SERVER_FAULTS } from "../http/problem.ts";
import type { ResponseCache } from "../http/response-cache.ts";
import type { WitnessClient } from "../log/witness-client.ts";
import { Metrics } from "../metrics/metrics.ts";
import type { Logger } from "../runtime/logger.ts";

/** The warnings and errors of the log that are no answers to requests. */
const EVENTS = [
  "checkpoint_failing",
  "database_failing",
  "database_replaced",
  "database_session_lost",
  "descriptors_exhausted",
  "downloads_lost",
  "downloads_not_flushed",
  "log_copy_failing",
  "rebuild_failing",
  "storage_failing",
  "storage_fault",
  "trace_export_failing",
  "webhook_disabled",
  "webhooks_failing",
  "witness_failing",
  "worker_ended",
  "worker_silent",
] as const;

/** Every event that counts as a warning or an error, so that its series exists from the start. */
export const COUNTED_EVENTS: readonly string[] = [...EVENTS, ...SERVER_FAULTS].sort();

interface Measured {
  readonly logger: Logger;
  readonly db: Database;
  readonly responseCache: ResponseCache | undefined;
  readonly witnesses: WitnessClient;
}

/** Makes the metrics of a process from the parts that they measure. */
export function openMetrics({ logger, db, responseCache, witnesses }: Measured): Metrics {
  return new Metrics({
    logger,
    events: COUNTED_EVENTS,
    cachedAnswers: () => responseCache?.answers.byRoute ?? new Map(),
    databaseLoad: () => db.load(),
    witnessAges: () => witnesses.ages,
  });
}
