import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `init` writes the files of a new package. */
export const initCommand = defineCommand({
  name: "init",
  summary: "make a new package",
  isClient: true,
  options: {
    name: {
      type: "string",
      value: "<name>",
      description: "the name of the package; that of the directory when left out",
    },
    description: {
      type: "string",
      value: "<text>",
      default: "A ColonyOS package",
      description: "one sentence about it",
    },
    ...LOCAL_OPTIONS,
  },
  arguments: [{ name: "directory", optional: true, description: "where to write it; here when left out" }],
  help: {
    description: `Writes colony.yaml, values.yaml, a template, README.md and .cpmignore. The package can be published as
      it is. Files that exist stay as they are.

      Without a directory and a name, it asks first where other files are.`,
    failure: "a file cannot be written",
    examples: ["cpm-registry init hello"],
  },
  run: async (options, [directory]) => {
    const { init } = await import("../init.ts");
    return init(options, directory);
  },
});
