import { hasAccounts } from "../accounts/has-accounts.ts";
import { createApp } from "../app.ts";
import { readConfig } from "../config/config.ts";
import { closeDeps, openDeps } from "../deps.ts";
import { listen } from "../http/server.ts";
import { rollbackText } from "../log/rollback-guard.ts";
import { firstAccountText } from "./first-account.ts";

/** Runs the registry until SIGTERM or SIGINT, then lets requests in flight finish. Returns the exit code. */
export async function serve(configFile: string | undefined): Promise<number> {
  const config = readConfig(configFile);
  const deps = await openDeps(config);
  const app = createApp(deps);
  const server = listen((request) => app.fetch(request), deps);
  console.log(`cpm-registry is ready at ${server.url}`);
  if (deps.log.rollback !== undefined) console.error(rollbackText(deps.log.rollback));
  const isShut = config.registration === "closed" && !(await hasAccounts(deps));
  if (isShut) console.log(firstAccountText(config, configFile));
  await new Promise<void>((resolve) => {
    // Not `once`: a supervisor may signal the whole process group twice, and the second must not cut off the drain.
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  await server.stop();
  await closeDeps(deps);
  return 0;
}
