import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, KEY_OPTION } from "../shared-options.ts";

/** `publish` publishes a package. */
export const publishCommand = defineCommand({
  name: "publish",
  summary: "publish a package",
  isClient: true,
  options: {
    key: KEY_OPTION,
    "dry-run": { type: "boolean", description: "ask the registry whether it would be accepted; store nothing" },
    "if-changed": {
      type: "boolean",
      description: "succeed without publishing if this version has the same files already; asks nothing. For CI",
    },
    "allow-secrets": { type: "boolean", description: "publish although a file holds what looks like a secret" },
    ...CLIENT_OPTIONS,
  },
  arguments: [
    { name: "package", optional: true, description: "a directory or an archive; this directory when left out" },
  ],
  help: {
    description: `Packs the package, checks it, shows what it will send and asks. Then signs and uploads it, and verifies
      the registry's proof that it is in the log. The first time, a signing key is made; the first publish of an account
      registers its key.

      In CI, set CPM_API_TOKEN and CPM_SIGNING_KEY, and use --if-changed: it asks nothing and can be repeated.`,
    failure: "nothing was published, or the registry's proof is wrong",
    examples: ["cpm-registry publish", "cpm-registry publish hello --if-changed --registry https://cpm.example.org"],
  },
  run: async (options, [target]) => {
    const { publish } = await import("../publish.ts");
    return publish(options, target);
  },
});
