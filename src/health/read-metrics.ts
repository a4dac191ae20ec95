import { createHash, timingSafeEqual } from "node:crypto";
import { lastBackup } from "../blobs/last-backup.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { readState } from "../log/log-rows.ts";
import { READ_ONLY_CAUSES } from "../log/read-only.ts";
import { readTotals } from "../metrics/registry-totals.ts";
import { readWebhookBacklog } from "../metrics/webhook-backlog.ts";
import { errorFields } from "../runtime/logger.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { verifyNote } from "../tlog/note.ts";
import type { HealthServices } from "./services.ts";

/** A scrape is worth more without the newest totals than none: Prometheus gives up after 10 s. */
const TOTALS_MAX_MS = 2_000;
/** Backups are rare, and the storage may be far away. */
const BACKUP_MAX_AGE_MS = 60_000;
const BEARER = /^Bearer +([^ ]+) *$/i;

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Throws `metrics_disabled` if nobody may read the metrics, and `unauthenticated` without the
 * token.
 */
export function requireMetricsToken({ config: { metricsToken } }: Pick<Deps, "config">, header: string | null): void {
  if (metricsToken === undefined) throw failure({ code: "metrics_disabled" });
  const [, token = ""] = BEARER.exec(header ?? "") ?? [];
  // Digests have one length, so the time of the comparison says nothing about the token.
  if (timingSafeEqual(digest(token), digest(metricsToken.reveal()))) return;
  const reason = "The metrics need the METRICS_TOKEN of this registry. Send it as Authorization: Bearer <token>.";
  throw failure({ code: "unauthenticated", reason });
}

type MetricsDeps = Pick<Deps, "db" | "blobs" | "config" | "logger" | "metrics" | "readOnly">;

async function readRegistry({ db, config, metrics }: MetricsDeps): Promise<void> {
  const [totals, accounts, state, webhookBacklog] = await db.read((session) =>
    pipelined([
      readTotals(session),
      session.query.$count(session.tables.users),
      readState(session),
      readWebhookBacklog(session),
    ]),
  );
  metrics.setTotals({ ...totals, accounts, logSize: state.size, webhookBacklog });
  const cosigners = config.logWitnesses.filter(({ key }) => verifyNote(state.checkpoint, [key]) !== undefined);
  metrics.cosigners = cosigners.map(({ key }) => key.name);
}

async function readBackup({ blobs, metrics }: MetricsDeps): Promise<void> {
  if (performance.now() - metrics.backupReadMs < BACKUP_MAX_AGE_MS) return;
  metrics.setLastBackup(await lastBackup(blobs));
  metrics.backupReadMs = performance.now();
}

/**
 * Returns all metrics in Prometheus' text format. While the database or the storage gives no
 * answer, what they know is as of the last scrape.
 */
export async function readMetrics(deps: MetricsDeps & HealthServices): Promise<string> {
  const attempt = (failing: string, work: Promise<void>) =>
    withTimeout(TOTALS_MAX_MS, work).catch((cause) => deps.logger.warn(failing, errorFields(cause)));
  deps.metrics.setReadOnly(READ_ONLY_CAUSES, deps.readOnly.cause?.cause);
  await Promise.all([attempt("database_failing", readRegistry(deps)), attempt("storage_failing", readBackup(deps))]);
  return deps.metrics.text(await deps.summedMetrics?.());
}
