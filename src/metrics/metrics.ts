import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { DatabaseLoad } from "../db/database.ts";
import type { Logger } from "../runtime/logger.ts";
import { QUEUE_NAMES, waitingIn } from "../runtime/semaphore.ts";
import { BUILD } from "../runtime/version.ts";
import type { CachedAnswers } from "./cached-answers.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { RequestHistogram } from "./request-histogram.ts";
import { type Snapshot, snapshotOf, summedText } from "./snapshot.ts";

/** How publishes end. `same`: the version was there with these bytes. `refused` is a client's fault. */
export const PUBLISH_OUTCOMES = ["created", "same", "refused", "error"] as const;
/** The phases of a publish, in their order. */
const PUBLISH_PHASES = ["receive", "inspect", "verify", "store", "commit"] as const;
/** How logins end. `throttled`: the password was not even tried, after too many wrong ones. */
export const LOGIN_OUTCOMES = ["succeeded", "refused", "throttled", "error"] as const;

/** How deliveries to webhooks end. `refused`: the address is not allowed, so nothing was sent. */
const DELIVERY_OUTCOMES = ["delivered", "failed", "refused"] as const;

/** One of `PUBLISH_PHASES`. */
export type PublishPhase = (typeof PUBLISH_PHASES)[number];

const PHASE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** What is measured in the parts of a process, at the moment when its metrics are read. */
export interface MetricSources {
  readonly logger: Pick<Logger, "counts">;
  /** Events of the log that exist before their first occurrence. */
  readonly events: readonly string[];
  readonly cachedAnswers: () => ReadonlyMap<string, CachedAnswers>;
  readonly databaseLoad: () => DatabaseLoad;
  /** By the name of each configured witness: the seconds since it cosigned for this process. */
  readonly witnessAges: () => ReadonlyMap<string, number>;
}

/** What a registry holds, the same for all its processes. */
export interface RegistryTotals {
  readonly packages: number;
  readonly versions: number;
  readonly accounts: number;
  readonly storageBytes: number;
  readonly logSize: number;
  /** The events that the working webhook furthest behind has not come to. */
  readonly webhookBacklog: number;
}

/**
 * The metrics of one process, and those of the whole registry. Nothing is in prom-client's global
 * registry, so that several registries of one process do not add up. docs/operations.md explains
 * every name.
 */
export class Metrics {
  readonly #process = new Registry();
  readonly #registry = new Registry();
  readonly requests: RequestHistogram;
  readonly publishes = this.#counter("publishes_total", "Publishes, by how they ended.", "outcome", PUBLISH_OUTCOMES);
  readonly logins = this.#counter("logins_total", "Logins, by how they ended.", "outcome", LOGIN_OUTCOMES);
  readonly webhookDeliveries = this.#counter(
    "webhook_deliveries_total",
    "Attempts to deliver an event to a webhook, by how they ended.",
    "outcome",
    DELIVERY_OUTCOMES,
  );
  readonly publishPhases = new Histogram({
    ...this.#named("publish_phase_seconds", "Time that publishes spend in each phase, waiting included."),
    labelNames: ["phase"],
    buckets: PHASE_SECONDS,
  });
  /** Returns how many requests are being answered. The server sets it. */
  inFlight: () => number = () => 0;
  /** Names of witnesses whose cosignature the newest checkpoint has. */
  cosigners: readonly string[] = [];
  /** Plain numbers, because downloads from the response cache add to them too. */
  readonly downloads = { count: 0, bytes: 0 };
  readonly #lastBackup = this.#gauge(
    "last_backup_timestamp_seconds",
    "Start of the last backup of everything, in seconds since 1970; 0 if there was none.",
  );
  /** When the storage was last asked for the time of the backup. */
  backupReadMs = Number.NEGATIVE_INFINITY;
  readonly #readOnly = this.#gauge("read_only", "1 while changes are refused for this cause, else 0.", ["cause"]);
  readonly #totals: { readonly [Name in keyof RegistryTotals]: Gauge };

  constructor(readonly sources: MetricSources) {
    const { logger, events, cachedAnswers } = sources;
    this.requests = new RequestHistogram(this.#process, cachedAnswers);
    for (const phase of PUBLISH_PHASES) this.publishPhases.zero({ phase });
    this.#registerDownloads();
    this.#registerLoad();
    this.#registerWitnesses();
    registerProcessMetrics(this.#process, logger, events);
    this.#gauge("build_info", "The program, as labels of a constant 1.", ["version", "commit", "bun"]).set(BUILD, 1);
    this.#totals = {
      packages: this.#gauge("packages", "Packages, also those whose every version is yanked."),
      versions: this.#gauge("versions", "Published versions."),
      accounts: this.#gauge("accounts", "Accounts, also disabled ones."),
      storageBytes: this.#gauge("storage_bytes", "The size of all published archives."),
      logSize: this.#gauge("log_size", "Leaves in the transparency log."),
      webhookBacklog: this.#gauge(
        "webhook_backlog",
        "Events that the webhook furthest behind has not come to. Disabled webhooks do not count.",
      ),
    };
  }

  /** Sets the gauges of the whole registry. */
  setTotals(totals: RegistryTotals): void {
    this.#totals.packages.set(totals.packages);
    this.#totals.versions.set(totals.versions);
    this.#totals.accounts.set(totals.accounts);
    this.#totals.storageBytes.set(totals.storageBytes);
    this.#totals.logSize.set(totals.logSize);
    this.#totals.webhookBacklog.set(totals.webhookBacklog);
  }

  /** Sets which of the `causes` refuses changes now. Undefined if none does. */
  setReadOnly(causes: readonly string[], now: string | undefined): void {
    for (const cause of causes) this.#readOnly.set({ cause }, cause === now ? 1 : 0);
  }

  /** Sets when the last backup of everything began. Undefined if none was made. */
  setLastBackup(at: Date | undefined): void {
    this.#lastBackup.set((at?.getTime() ?? 0) / 1000);
  }

  /** Returns the metrics of this process, for the sum of several. */
  snapshot(): Promise<Snapshot> {
    return snapshotOf(this.#process);
  }

  /**
   * Writes all metrics in Prometheus' text format. `sum` has the metrics of all processes, if this
   * is one of several.
   */
  async text(sum?: Snapshot): Promise<string> {
    const ofProcesses = sum === undefined ? this.#process.metrics() : summedText(this.#process, sum);
    return `${await ofProcesses}\n${await this.#registry.metrics()}`;
  }

  #named(name: string, help: string) {
    return { name: `cpm_registry_${name}`, help, registers: [this.#process] };
  }

  #counter(name: string, help: string, label: string, values: readonly string[]): Counter {
    const counter = new Counter({ ...this.#named(name, help), labelNames: [label] });
    for (const value of values) counter.inc({ [label]: value }, 0);
    return counter;
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ ...this.#named(name, help), registers: [this.#registry], labelNames });
  }

  #registerDownloads(): void {
    const total = new Counter({
      ...this.#named("downloads_total", "Answers that begin an archive."),
      collect: () => {
        total.reset();
        total.inc(this.downloads.count);
      },
    });
    const bytes = new Counter({
      ...this.#named("download_bytes_total", "Bytes of archives that were sent, redirects to the storage left out."),
      collect: () => {
        bytes.reset();
        bytes.inc(this.downloads.bytes);
      },
    });
  }

  #registerLoad(): void {
    const { databaseLoad } = this.sources;
    const inFlight: Gauge = new Gauge({
      ...this.#named("http_requests_in_flight", "Requests that are being answered, this one included."),
      collect: () => {
        inFlight.set(this.inFlight());
      },
    });
    const waiting = new Gauge({
      ...this.#named("semaphore_waiting", "Tasks that wait for their turn, by queue."),
      labelNames: ["name"],
      collect: () => {
        for (const name of QUEUE_NAMES) waiting.set({ name }, waitingIn(name));
        waiting.set({ name: "database_writes" }, databaseLoad().waitingWrites);
      },
    });
    const connections = new Gauge({
      ...this.#named("database_connections", "Connections to the database, by whether a request uses them."),
      labelNames: ["state"],
      collect: () => {
        const { busy, idle } = databaseLoad();
        connections.set({ state: "busy" }, busy);
        connections.set({ state: "idle" }, idle);
      },
    });
  }

  #registerWitnesses(): void {
    const ages = new Gauge({
      ...this.#named(
        "log_witness_age_seconds",
        "Seconds since a witness last cosigned; 0 while the newest checkpoint has its cosignature.",
      ),
      labelNames: ["witness"],
      // Each process knows of its own requests to the witnesses.
      aggregator: "min",
      collect: () => {
        for (const [witness, seconds] of this.sources.witnessAges()) {
          ages.set({ witness }, this.cosigners.includes(witness) ? 0 : seconds);
        }
      },
    });
  }
}
