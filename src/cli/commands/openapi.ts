import { defineCommand } from "../command.ts";
import { CONFIG_OPTION } from "../shared-options.ts";

/** `openapi` prints the description of the API. It opens no database. */
export const openapiCommand = defineCommand({
  name: "openapi",
  summary: "print the OpenAPI document of the API",
  options: { config: CONFIG_OPTION },
  arguments: [],
  help: {
    description: "Prints the OpenAPI document of the API as JSON. Opens neither the database nor the storage.",
    failure: "a setting is wrong",
    examples: ["cpm-registry openapi > openapi.json"],
  },
  run: async ({ config }) => {
    const { printOpenApi } = await import("../openapi.ts");
    return printOpenApi(config);
  },
});
