import { homedir } from "node:os";
import { join } from "node:path";
import { ENVIRONMENT } from "./config.ts";

/**
 * Reads the variables of the commands that verify a registry. None of them is a setting of a
 * server.
 */
export function readVerifierSettings(environment = ENVIRONMENT) {
  const { CPM_API_TOKEN: token, LOG_POLICY: policyFile } = environment;
  const seenDirectory = join(homedir(), ".cpm", "log");
  return { token: token || undefined, policyFile: policyFile || undefined, seenDirectory };
}
