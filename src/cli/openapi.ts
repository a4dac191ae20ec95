import { createApp } from "../app.ts";
import { openMemoryStore } from "../blobs/memory-store.ts";
import { readConfig } from "../config/config.ts";
import { makeLogKey } from "../config/log-key.ts";
import { Secret } from "../config/secret.ts";
import { DatabaseCondition } from "../db/condition.ts";
import { Invalidations } from "../db/invalidations.ts";
import type { Deps } from "../deps.ts";
import { TransparencyLog } from "../log/transparency-log.ts";
import { WitnessClient } from "../log/witness-client.ts";
import { noFailpoints } from "../runtime/failpoints.ts";
import { createLogger } from "../runtime/logger.ts";
import { printJson } from "../runtime/print.ts";
import type { AppDeps } from "../start/open-deps.ts";
import { openMetrics } from "../start/open-metrics.ts";
import { parseSignerKey } from "../tlog/note.ts";

/**
 * Prints the OpenAPI document. Opens neither database nor storage: the request only reads what
 * routes describe.
 */
export async function printOpenApi(configFile: string | undefined): Promise<number> {
  const config = readConfig(configFile);
  const unused = () => {
    throw new Error("The OpenAPI document needs no database and no storage");
  };
  const clock = () => new Date(0);
  const signer = parseSignerKey(makeLogKey(config.logOrigin));
  if (signer === undefined) throw new Error("A generated log key cannot be parsed");
  const db: Deps["db"] = {
    kind: "sqlite",
    condition: new DatabaseCondition(),
    read: unused,
    write: unused,
    invalidations: new Invalidations(),
    load: unused,
    watch: unused,
    close: unused,
  };
  const blobs = openMemoryStore("", clock);
  const logger = createLogger("silent", clock);
  const log = new TransparencyLog({ verifier: signer, signer, cosigners: [] }, { clock });
  const deps: AppDeps = {
    config,
    clock,
    logger,
    jwtKeys: new Secret([crypto.randomUUID()]),
    db,
    blobs,
    failpoints: noFailpoints,
    downloads: { count: unused, takeBack: unused, flush: unused, close: unused },
    log,
    readOnly: { cause: undefined, refusesWrites: false, requireWritable: () => undefined },
    batcher: { record: unused },
    responseCache: undefined,
    tracer: undefined,
    metrics: openMetrics({
      ...{ logger, db, responseCache: undefined },
      witnesses: new WitnessClient({ db, logger }, []),
    }),
  };
  const response = await createApp(deps).fetch(new Request("http://localhost/swagger/json"));
  printJson(await response.json(), 2);
  return 0;
}
