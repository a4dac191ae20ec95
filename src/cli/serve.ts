import { hasAccounts } from "../accounts/has-accounts.ts";
import { createApp } from "../app.ts";
import { ignoredSectionsText } from "../config/collect-settings.ts";
import { type Config, readConfig } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import { errorCode } from "../errors.ts";
import type { HealthServices } from "../health/services.ts";
import { listen } from "../http/server.ts";
import { keyMissingText } from "../log/open-log.ts";
import { GUARD_MISSING_TEXT, rollbackText } from "../log/rollback-guard.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { errorFields } from "../runtime/logger.ts";
import { print, printError } from "../runtime/print.ts";
import { serveAsDataOwner } from "../start/data-owner.ts";
import { closeDeps, openDeps } from "../start/open-deps.ts";
import { type FromWorker, ParentChannel, type ToWorker } from "../start/worker-messages.ts";
import { serveWithWorkers } from "../start/workers.ts";
import { firstAccountText } from "./first-account.ts";
import { UsageError } from "./usage.ts";

/**
 * Runs the registry until SIGTERM or SIGINT, then finishes the requests in flight. Returns the exit
 * code.
 */
export async function serve(configFile: string | undefined): Promise<number> {
  const config = readConfig(configFile);
  const foreignOwner = serveAsDataOwner(config.dataDir);
  if (foreignOwner !== undefined) printError(foreignOwner);
  const ignored = ignoredSectionsText(configFile);
  if (ignored !== undefined) printError(ignored);
  if (config.workers > 1) return serveWithWorkers(config, configFile);
  return run(config, async (deps, url) => {
    print(`cpm-registry is ready at ${url}`);
    await informOperator(deps, configFile);
  });
}

/**
 * Runs one of the processes that share the port of `serve`, until a signal stops it or `serve` is
 * gone.
 */
export async function serveAsWorker(configFile: string | undefined, number: string): Promise<number> {
  const send: ((message: FromWorker) => void) | undefined = process.send?.bind(process);
  if (send === undefined) throw new UsageError("Only serve runs worker. Set WORKERS and run serve.", "serve");
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  const whenReady = async (deps: Deps) => {
    if (number === "1") await informOperator(deps, configFile);
    send({ kind: "ready" });
  };
  return run(readConfig(configFile), whenReady, ({ metrics }) => {
    const parent = new ParentChannel(send, () => metrics.snapshot());
    process.on("message", (message: ToWorker) => void parent.receive(message));
    return { summedMetrics: () => parent.totals() };
  });
}

async function run(
  config: Config,
  whenReady: (deps: Deps, url: string) => Promise<void>,
  services: (deps: Deps) => HealthServices = () => ({}),
): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    // Not `once`: a supervisor may signal the process group twice, and the second signal must not
    // end the drain.
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  const deps = await openDeps(config);
  // Bun would print the stack of each and go on. The driver rejects promises that nobody holds when
  // Postgres ends a session.
  process.on("unhandledRejection", (cause) => {
    if (faultCode(errorCode(cause)) === undefined) deps.logger.error("internal", errorFields(cause));
    else deps.logger.warn("database_session_lost", errorFields(cause));
  });
  const app = createApp({ ...deps, ...services(deps) });
  const server = listen((request) => app.fetch(request), deps);
  await whenReady(deps, server.url);
  await stopped;
  await server.stop();
  await closeDeps(deps);
  return 0;
}

/** Tells an operator what the registry cannot know. */
function publicUrlMissingText({ config: { host, port, publicUrl }, log }: Deps): string {
  return `Other machines reach it too, at port ${port}: HOST is ${host}. HOST=127.0.0.1 keeps it to this machine.
PUBLIC_URL is not set: links have the address that each client uses, signing keys are registered
for ${publicUrl}, and the log is called ${log.origin} from its first leaf on. Set PUBLIC_URL to the address of this
registry before others use it.`;
}

async function informOperator(deps: Deps, configFile: string | undefined): Promise<void> {
  if (deps.log.rollback !== undefined) printError(rollbackText(deps.log.rollback));
  else if (deps.log.signer === undefined) printError(keyMissingText(deps.log));
  else if (deps.log.isGuardMissing) printError(GUARD_MISSING_TEXT);
  if (deps.config.followsHost) printError(publicUrlMissingText(deps));
  const { newKeyPath } = deps.log;
  if (newKeyPath !== undefined) print(`${newKeyPath} signs the log: keep a copy of it apart from the backups.`);
  const isShut = deps.config.registration === "closed" && !(await hasAccounts(deps));
  if (isShut) print(firstAccountText(deps.config, configFile));
}
