import type { Subprocess } from "bun";
import { Registry } from "prom-client";
import type { Config } from "../config/config.ts";
import { requireFreePort } from "../http/server.ts";
import { registerProcessMetrics } from "../metrics/process-metrics.ts";
import { type Snapshot, snapshotOf, sumOf, withoutGauges } from "../metrics/snapshot.ts";
import type { Logger } from "../runtime/logger.ts";
import { print } from "../runtime/print.ts";
import { openLogger } from "./open-offline.ts";
import { programOf } from "./runtime-settings.ts";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

/**
 * Pause before a worker is started again, so that a worker that always ends does not keep the
 * machine busy.
 */
const RESTART_AFTER_MS = 1_000;
const PING_INTERVAL_MS = 1_000;
/**
 * A worker that answers none of so many pings does not serve its clients either. Pings are counted,
 * and not time: a pause of the whole machine is the fault of no worker.
 */
const UNANSWERED_MAX = 10;
/** Longer than a worker takes for requests in flight and for what it must write at its end. */
const STOP_MAX_MS = 29_000;
/** How long the totals wait for a worker. Then its last known metrics stand in. */
const METRICS_MAX_MS = 1_000;

/** The command that runs a worker. Worker 1 also prints what an operator must know. */
const WORKER_COMMAND = "worker";

/** A worker that runs. */
class Worker {
  isReady = false;
  unanswered = 0;
  metrics: Snapshot = [];
  #nextPong = Promise.withResolvers<void>();

  constructor(readonly process: Subprocess) {}

  send(message: ToWorker): void {
    try {
      this.process.send(message);
    } catch {
      // It has just ended.
    }
  }

  ping(): void {
    this.unanswered += 1;
    this.send({ kind: "ping" });
  }

  takePong(metrics: Snapshot): void {
    this.unanswered = 0;
    this.metrics = metrics;
    this.#nextPong.resolve();
    this.#nextPong = Promise.withResolvers();
  }

  /** Asks for the newest metrics, and waits for them for a moment. */
  async refreshMetrics(): Promise<void> {
    const { promise } = this.#nextPong;
    this.send({ kind: "ping" });
    await Promise.race([promise, Bun.sleep(METRICS_MAX_MS)]);
  }
}

/** The processes that share a port. Replaces those that end by themselves or do not answer. */
class Workers {
  readonly #running = new Map<number, Worker>();
  /** The metrics of this process, which answers no request itself. */
  readonly #own = new Registry();
  /** What workers counted that have ended. Without it, a sum would fall. */
  #past: Promise<Snapshot> = Promise.resolve([]);
  readonly #ended = Promise.withResolvers<number>();
  readonly #pings = setInterval(() => this.#pingAll(), PING_INTERVAL_MS);
  #isStopping = false;

  constructor(
    readonly configFile: string | undefined,
    readonly logger: Logger,
  ) {
    registerProcessMetrics(this.#own, logger, []);
  }

  /** The exit code, when all workers have ended: after `stop`, or because one could not start. */
  get ended(): Promise<number> {
    return this.#ended.promise.finally(() => clearInterval(this.#pings));
  }

  /** Starts a worker. Returns true when it accepts requests, and false if it ended before. */
  start(number: number): Promise<boolean> {
    const ready = Promise.withResolvers<boolean>();
    const args = this.configFile === undefined ? [] : ["--config", this.configFile];
    const worker: Worker = new Worker(
      Bun.spawn([...programOf(), WORKER_COMMAND, String(number), ...args], {
        stdio: ["ignore", "inherit", "inherit"],
        ipc: (message: FromWorker) => {
          if (message.kind === "pong") return worker.takePong(message.metrics);
          if (message.kind === "getTotals") return void this.#sendTotals(worker);
          worker.isReady = true;
          ready.resolve(true);
        },
        onExit: (_, exitCode, signal) => {
          this.#running.delete(number);
          ready.resolve(false);
          this.#afterExit(number, worker, exitCode ?? signal ?? 1);
        },
      }),
    );
    this.#running.set(number, worker);
    return ready.promise;
  }

  stop(): void {
    if (this.#running.size === 0) this.#ended.resolve(0);
    for (const { process } of this.#running.values()) process.kill("SIGTERM");
    if (this.#isStopping) return;
    this.#isStopping = true;
    const killAll = () => {
      for (const { process } of this.#running.values()) process.kill("SIGKILL");
    };
    setTimeout(killAll, STOP_MAX_MS).unref();
  }

  #pingAll(): void {
    for (const [number, worker] of this.#running) {
      if (!worker.isReady) continue;
      if (worker.unanswered < UNANSWERED_MAX) {
        worker.ping();
        continue;
      }
      this.logger.error("worker_silent", { worker: number });
      worker.process.kill("SIGKILL");
    }
  }

  async #sendTotals(asking: Worker): Promise<void> {
    const workers = [...this.#running.values()];
    await Promise.all(workers.map((worker) => worker.refreshMetrics()));
    // Taken together, so that a worker that ends now counts exactly once.
    const running = [...this.#running.values()].map(({ metrics }) => metrics);
    const past = await this.#past;
    const metrics = await sumOf([await snapshotOf(this.#own), past, ...running]);
    asking.send({ kind: "totals", metrics });
  }

  /** `ending` is an exit code, or the name of the signal that ended the worker. */
  #afterExit(number: number, worker: Worker, ending: number | string): void {
    this.#past = this.#past.then((past) => sumOf([past, withoutGauges(worker.metrics)]));
    if (this.#isStopping) {
      if (this.#running.size === 0) this.#ended.resolve(0);
      return;
    }
    // If a first start fails, for example because of a wrong setting, another start fails too.
    if (!worker.isReady) {
      this.#ended.resolve(typeof ending === "number" ? ending : 1);
      this.stop();
      return;
    }
    this.logger.error("worker_ended", { worker: number, ending });
    setTimeout(() => {
      if (!this.#isStopping) void this.start(number);
    }, RESTART_AFTER_MS);
  }
}

/**
 * Runs several processes that share the port, until SIGTERM or SIGINT. Restarts a process that ends
 * by itself. The first worker starts alone, so that keys and tables that are created once exist
 * before the others start. Returns the exit code.
 */
export async function serveWithWorkers(config: Config, configFile: string | undefined): Promise<number> {
  requireFreePort(config);
  const workers = new Workers(configFile, openLogger(config.logLevel));
  process.on("SIGTERM", () => workers.stop());
  process.on("SIGINT", () => workers.stop());
  if (!(await workers.start(1))) return workers.ended;
  const others = Array.from({ length: config.workers - 1 }, (_, index) => workers.start(index + 2));
  const all = await Promise.all(others);
  if (all.every((isReady) => isReady)) {
    print(`cpm-registry is ready at ${config.publicUrl} with ${config.workers} workers`);
  }
  return workers.ended;
}
