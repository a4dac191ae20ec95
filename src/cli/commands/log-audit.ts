import { defineCommand } from "../command.ts";
import { SEEN_LOGS_TEXT, VERIFY_OPTIONS } from "../shared-options.ts";

/** `log audit` reads and recomputes the whole log of a registry, over HTTP. */
export const logAuditCommand = defineCommand({
  name: "log audit",
  summary: "check the whole log of a registry",
  options: {
    ...VERIFY_OPTIONS,
    archives: {
      type: "boolean",
      description: "also download every archive, and check its digest and the signatures over the archive itself",
    },
  },
  arguments: [],
  help: {
    description: `Reads every leaf of a registry's log. Computes every tile and the root again, verifies the
      signatures, and looks for versions that were logged twice and for gaps in the records of yanks and key changes.
      The next audit reads only what is new, even after an audit that was interrupted.

      ${SEEN_LOGS_TEXT}`,
    failure: 'something is wrong, or the log could not be read to its end ("complete" is false in the JSON document)',
    examples: ["cpm-registry log audit", "cpm-registry log audit --registry https://cpm.example.org --archives"],
  },
  run: async ({ registry, vkey, policy, archives, json }) => {
    const { logAudit } = await import("../log.ts");
    return logAudit({ registry, vkey, policy, archives, json });
  },
});
