import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, MINIMUM_AGE_OPTION } from "../shared-options.ts";

/** `info` shows a package. */
export const infoCommand = defineCommand({
  name: "info",
  summary: "show a package: its versions, files, keys and events",
  isClient: true,
  options: {
    versions: { type: "boolean", description: "list all versions, the newest first" },
    files: { type: "boolean", description: "list the files of the version" },
    readme: { type: "boolean", description: "print the README of the version" },
    values: { type: "boolean", description: "print values.yaml of the version" },
    keys: { type: "boolean", description: "list the keys that may sign the package" },
    events: { type: "boolean", description: "list what happened to the package" },
    "minimum-age": MINIMUM_AGE_OPTION,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "package", description: "<name> or <name>@<version>; the latest version when left out" }],
  help: {
    description: `Shows what the registry says of a package and one of its versions. Give at most one of the options
      that choose a view. Nothing is verified: cpm-registry download and cpm-registry verify do that.`,
    failure: "there is no such package or version",
    examples: ["cpm-registry info hello", "cpm-registry info hello@0.1.0 --files --json"],
  },
  run: async (options, [name]) => {
    const { info } = await import("../info.ts");
    return info(options, name);
  },
});
