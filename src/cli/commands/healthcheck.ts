import { defineCommand } from "../command.ts";
import { CONFIG_OPTION } from "../shared-options.ts";

/** `healthcheck` asks the local server for its health, for containers without a shell. */
export const healthcheckCommand = defineCommand({
  name: "healthcheck",
  summary: "ask a running registry whether it is healthy",
  options: {
    url: {
      type: "string",
      value: "<address>",
      description: "the registry to ask; when left out, the HOST and PORT of the settings",
    },
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: "Asks a running registry for /health/ready and prints the answer. Made for container health checks.",
    failure: "the registry is not healthy, or it did not answer within 5 seconds",
    examples: ["cpm-registry healthcheck --url http://localhost:5000"],
  },
  run: async ({ config, url }) => {
    const { healthcheck } = await import("../healthcheck.ts");
    return healthcheck(config, url);
  },
});
