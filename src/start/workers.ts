import type { Subprocess } from "bun";
import type { Config } from "../config/config.ts";
import { requireFreePort } from "../http/server.ts";
import type { Logger } from "../runtime/logger.ts";
import { print } from "../runtime/print.ts";
import { openLogger } from "./open-offline.ts";
import { programOf } from "./runtime-settings.ts";

/**
 * Pause before a worker is started again, so that a worker that always ends does not keep the
 * machine busy.
 */
const RESTART_AFTER_MS = 1_000;

/** The command that runs a worker. Worker 1 also prints what an operator must know. */
const WORKER_COMMAND = "worker";

/** The processes that share a port. Restarts those that end by themselves. */
class Workers {
  readonly #running = new Map<number, Subprocess>();
  readonly #ended = Promise.withResolvers<number>();
  #isStopping = false;

  constructor(
    readonly configFile: string | undefined,
    readonly logger: Logger,
  ) {}

  /** The exit code, when all workers have ended: after `stop`, or because one could not start. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Starts a worker. Returns true when it accepts requests, and false if it ended before. */
  start(number: number): Promise<boolean> {
    const ready = Promise.withResolvers<boolean>();
    const args = this.configFile === undefined ? [] : ["--config", this.configFile];
    let wasReady = false;
    const worker = Bun.spawn([...programOf(), WORKER_COMMAND, String(number), ...args], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: () => {
        wasReady = true;
        ready.resolve(true);
      },
      onExit: (_, exitCode, signal) => {
        this.#running.delete(number);
        ready.resolve(false);
        this.#afterExit(number, wasReady, exitCode ?? signal ?? 1);
      },
    });
    this.#running.set(number, worker);
    return ready.promise;
  }

  stop(): void {
    this.#isStopping = true;
    for (const worker of this.#running.values()) worker.kill("SIGTERM");
    if (this.#running.size === 0) this.#ended.resolve(0);
  }

  /** `ending` is an exit code, or the name of the signal that ended the worker. */
  #afterExit(worker: number, wasReady: boolean, ending: number | string): void {
    if (this.#isStopping) {
      if (this.#running.size === 0) this.#ended.resolve(0);
      return;
    }
    // If a first start fails, for example because of a wrong setting, another start fails too.
    if (!wasReady) {
      this.#ended.resolve(typeof ending === "number" ? ending : 1);
      this.stop();
      return;
    }
    this.logger.error("worker_ended", { worker, ending });
    setTimeout(() => {
      if (!this.#isStopping) void this.start(worker);
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
