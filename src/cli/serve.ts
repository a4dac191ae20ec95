import { hasAccounts } from "../accounts/has-accounts.ts";
import { createApp } from "../app.ts";
import { type Config, readConfig } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import { listen } from "../http/server.ts";
import { rollbackText } from "../log/rollback-guard.ts";
import { closeDeps, openDeps } from "../start/open-deps.ts";
import { serveWithWorkers } from "../start/workers.ts";
import { firstAccountText } from "./first-account.ts";
import { UsageError } from "./usage.ts";

/** Runs the registry until SIGTERM or SIGINT, then lets requests in flight finish. Returns the exit code. */
export async function serve(configFile: string | undefined): Promise<number> {
  const config = readConfig(configFile);
  if (config.workers > 1) return serveWithWorkers(config, configFile);
  return run(config, async (deps, url) => {
    console.log(`cpm-registry is ready at ${url}`);
    await tellOperator(deps, configFile);
  });
}

/** Runs one of the processes of `serve` that share its port, until told to stop or `serve` is gone. */
export async function serveAsWorker(configFile: string | undefined, number: string): Promise<number> {
  const tell = process.send?.bind(process);
  if (tell === undefined) throw new UsageError("worker is run by serve, with WORKERS, and not by hand");
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  return run(readConfig(configFile), async (deps) => {
    if (number === "1") await tellOperator(deps, configFile);
    tell("ready");
  });
}

async function run(config: Config, whenReady: (deps: Deps, url: string) => Promise<void>): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    // Not `once`: a supervisor may signal the whole process group twice, and the second must not cut off the drain.
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  const deps = await openDeps(config);
  const app = createApp(deps);
  const server = listen((request) => app.fetch(request), deps);
  await whenReady(deps, server.url);
  await stopped;
  await server.stop();
  await closeDeps(deps);
  return 0;
}

async function tellOperator(deps: Deps, configFile: string | undefined): Promise<void> {
  if (deps.log.rollback !== undefined) console.error(rollbackText(deps.log.rollback));
  const isShut = deps.config.registration === "closed" && !(await hasAccounts(deps));
  if (isShut) console.log(firstAccountText(deps.config, configFile));
}
