import type { Subprocess } from "bun";
import type { Config } from "../config/config.ts";
import { requireFreePort } from "../http/server.ts";
import type { Logger } from "../runtime/logger.ts";
import { openLogger } from "./open-offline.ts";
import { programOf } from "./runtime-settings.ts";

/** A worker that keeps ending must not keep the machine busy with starting it. */
const RESTART_AFTER_MS = 1_000;

/** The command of main.ts that a worker is; the first one also says what an operator must know. */
const WORKER_COMMAND = "worker";

/** The processes that share a port, and what becomes of them. */
class Workers {
  readonly #running = new Map<number, Subprocess>();
  readonly #ended = Promise.withResolvers<number>();
  #isStopping = false;

  constructor(
    readonly configFile: string | undefined,
    readonly logger: Logger,
  ) {}

  /** The exit code, once all have ended: because they were told to, or because one could not start. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Starts a worker and returns when it answers; false when it ended before. */
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

  /** `ending` is an exit code, or the signal that ended it. */
  #afterExit(worker: number, wasReady: boolean, ending: number | string): void {
    if (this.#isStopping) {
      if (this.#running.size === 0) this.#ended.resolve(0);
      return;
    }
    // What a first start cannot mend, such as a wrong setting, a second cannot either.
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
 * Runs several processes that share the port, until SIGTERM or SIGINT, and starts one again that ends by itself. The first
 * one starts alone: what is made once, such as keys and tables, is there for the others. Returns the exit code.
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
    console.log(`cpm-registry is ready at ${config.publicUrl} with ${config.workers} workers`);
  }
  return workers.ended;
}
