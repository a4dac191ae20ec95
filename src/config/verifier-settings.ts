import { homedir } from "node:os";
import { join } from "node:path";
import { ENVIRONMENT } from "./config.ts";

/**
 * Reads the variables of the commands that verify a registry. None of them is a setting of a
 * server.
 */
export function readVerifierSettings(environment = ENVIRONMENT) {
  const { CPM_API_TOKEN: token, LOG_POLICY: policyFile, CPM_HOME } = environment;
  const home = CPM_HOME || join(homedir(), ".cpm");
  const files = { seenDirectory: join(home, "log"), knownKeysFile: join(home, "known-keys.json") };
  return { token: token || undefined, policyFile: policyFile || undefined, ...files };
}
