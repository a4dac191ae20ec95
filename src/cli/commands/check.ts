import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `check` applies the registry's rules to a package, offline. */
export const checkCommand = defineCommand({
  name: "check",
  summary: "check a package by the registry's rules, offline",
  isClient: true,
  options: LOCAL_OPTIONS,
  arguments: [
    { name: "package", optional: true, description: "a directory or an archive; this directory when left out" },
  ],
  help: {
    description: `Packs the package if it is a directory, and reports every problem and warning that a registry would
      report about its files. Asks no registry; publish --dry-run does.`,
    failure: "a file cannot be read",
    examples: ["cpm-registry check", "cpm-registry check hello-0.1.0.cpm --json"],
  },
  run: async (options, [target]) => {
    const { check } = await import("../pack.ts");
    return check(options, target);
  },
});
