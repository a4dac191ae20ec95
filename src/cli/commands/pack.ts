import { defineCommand } from "../command.ts";
import { LOCAL_OPTIONS } from "../shared-options.ts";

/** `pack` makes an archive of a package. */
export const packCommand = defineCommand({
  name: "pack",
  summary: "pack a package into an archive, the same on every machine",
  isClient: true,
  options: {
    out: { type: "string", value: "<file>", description: "the archive; <name>-<version>.cpm when left out" },
    list: { type: "boolean", description: "only list the files that would be packed" },
    ...LOCAL_OPTIONS,
  },
  arguments: [{ name: "directory", optional: true, description: "the package; this directory when left out" }],
  help: {
    description: `Packs the files of a package and checks the archive. The same files give the same bytes: order, modes,
      owners and times are fixed.

      .cpmignore names files to leave out, with the rules of .gitignore. Always left out are .git, .hg, .svn, .DS_Store,
      ._*, *.cpm, node_modules, and, with a warning, what looks like a key: *.pem, *.key, .env*. Links are refused.`,
    failure: "a file cannot be read or written",
    examples: ["cpm-registry pack", "cpm-registry pack hello --out /tmp/hello.cpm"],
  },
  run: async (options, [directory]) => {
    const { pack } = await import("../pack.ts");
    return pack(options, directory);
  },
});
