import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, MINIMUM_AGE_OPTION, SEEN_LOGS_TEXT, TRUST_OPTIONS } from "../shared-options.ts";

/** `download` saves packages that verify. */
export const downloadCommand = defineCommand({
  name: "download",
  summary: "download packages and verify them",
  isClient: true,
  options: {
    output: { type: "string", value: "<dir>", default: ".", description: "where to save the archives" },
    extract: { type: "string", value: "<dir>", description: "unpack the package into this new directory instead" },
    force: { type: "boolean", description: "replace a file of the same name that has other contents" },
    vkey: TRUST_OPTIONS.vkey,
    policy: TRUST_OPTIONS.policy,
    "minimum-age": MINIMUM_AGE_OPTION,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "package", repeated: true, description: "<name> or <name>@<version>; the latest when left out" }],
  help: {
    description: `Downloads each package, and saves it as <name>-<version>.cpm once it is verified: its digest, its
      publisher's signature, that this key may sign the package by the package's own history in the log, and that the
      log has this version. What does not verify is not saved. Prints the path of each file.

      A file that is there already with the right contents is verified and not fetched again.

      An interrupted download goes on where it ended when the command runs again. Who may sign a package is remembered
      in ~/.cpm/known-keys.json; a registry that later shows another history is refused. What it hides from somebody who
      asks for the first time shows in cpm-registry log audit.

      ${SEEN_LOGS_TEXT}

      With --minimum-age, or minimumAge in the configuration, the latest version that is old enough is taken, and none
      if there is none. It is about the choice only: a version that you name is taken however young it is.

      To deploy a package to ColonyOS, use cpm install <name>.`,
    failure: "a package does not verify, or cannot be saved",
    examples: [
      "cpm-registry download hello",
      "cpm-registry download hello@0.1.0 greeter --output packages",
      "cpm-registry download hello --extract hello",
    ],
  },
  run: async (options, packages) => {
    const { download } = await import("../download.ts");
    return download(options, packages);
  },
});
