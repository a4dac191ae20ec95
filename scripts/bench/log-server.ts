/*
 * Serves a registry from source with its log (`on`) or with a log that appends nothing (`off`). The
 * difference is the cost of the log. Only scripts/bench/log.ts starts it.
 */
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config/config.ts";
import { listen } from "../../src/http/server.ts";
import { TransparencyLog } from "../../src/log/transparency-log.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";

/** Returns at once, with an index that is not in any log. */
class NoLog extends TransparencyLog {
  override async append(...[, , place]: Parameters<TransparencyLog["append"]>) {
    await place?.(0);
    return { firstIndex: 0, proofOf: () => [], checkpoint: "" };
  }
}

const config = readConfig();
const opened = await openDeps(config);
const { verifier, signer } = opened.log;
const deps =
  process.argv[2] === "off" ? { ...opened, log: new NoLog({ verifier, signer, cosigners: [] }, opened) } : opened;
const app = createApp(deps);
const server = listen((request) => app.fetch(request), deps);
console.log(server.port);
process.on("SIGTERM", async () => {
  await server.stop();
  await closeDeps(deps);
  process.exit(0);
});
