import { defineCommand } from "../command.ts";
import { CONFIG_OPTION } from "../shared-options.ts";

/** `worker` runs one of the processes that `serve` starts. It is not in the help. */
export const workerCommand = defineCommand({
  name: "worker",
  summary: "run one process of a server with several workers",
  internal: true,
  options: { config: CONFIG_OPTION },
  arguments: [{ name: "number", description: "the number of the worker; the first one also reports to the operator" }],
  help: {
    description: "serve starts this command once for each of the WORKERS. It does not run on its own.",
    failure: "the worker cannot start",
    examples: ["WORKERS=4 cpm-registry serve"],
  },
  run: async ({ config }, [number]) => {
    const { serveAsWorker } = await import("../serve.ts");
    return serveAsWorker(config, number);
  },
});
