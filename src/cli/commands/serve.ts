import { defineCommand } from "../command.ts";
import { CONFIG_OPTION } from "../shared-options.ts";

/** `serve` runs the registry until SIGINT or SIGTERM. It is the default command. */
export const serveCommand = defineCommand({
  name: "serve",
  summary: "run the registry (the default command)",
  options: { config: CONFIG_OPTION },
  arguments: [],
  help: {
    description: `Runs the registry until it receives SIGTERM or SIGINT. Pending database migrations are applied
      first. Settings come from the environment or from the --config file; docs/settings.md lists them all.`,
    failure: "a setting is wrong, the port is taken, or the database or a directory cannot be used",
    examples: [
      "PORT=8080 DATA_DIR=/var/lib/cpm cpm-registry serve",
      "DATABASE_URL=postgres://cpm:secret@db/cpm JWT_KEY=<secret> LOG_SIGNING_KEY=<secret> cpm-registry serve",
    ],
  },
  run: async ({ config }) => {
    const { restartAsServer } = await import("../../start/runtime-settings.ts");
    restartAsServer();
    const { serve } = await import("../serve.ts");
    return serve(config);
  },
});
