import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, nameAndVersion, OFFLINE_TEXT, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `admin purge` takes a version or a package down for good. */
export const adminPurgeCommand = defineCommand({
  name: "admin purge",
  summary: "take a version or a package down for good, and erase its contents",
  options: {
    reason: {
      type: "string",
      value: "<word>",
      required: true,
      description: "legal, secret, malware or policy; everybody who asks for it reads it, and the log records it",
    },
    reference: {
      type: "string",
      value: "<text>",
      required: true,
      description: "the case that you keep about it, in one line; only administrators see it, in the events",
    },
    yes: { type: "boolean", description: "do it; nothing brings the contents back" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [
    PACKAGE_ARGUMENT,
    { name: "version", optional: true, description: "one version; the whole package when left out" },
  ],
  help: {
    description: `Deletes the archive, its README, manifest, values and list of files, and what search knows of them. Every
      request for it is answered with 451 and the reason. Neither its number nor its bytes can be published again.
      The log keeps its leaf and gets another one that says why it is gone, so that auditors can tell this from a
      lost archive. For a package that may come back, use admin quarantine.

      Then the database is rewritten, so that its files keep no deleted bytes. Writes of a running server wait
      meanwhile; a large SQLite database takes several seconds, and needs as much free disk space as it has. Safe to repeat: after a
      failure or a crash, run it again until it reports success.

      Backups, versioned buckets, write-ahead logs that Postgres archives, and copies on other machines keep what
      they have: docs/operations.md says how to clean them.

      ${OFFLINE_TEXT}`,
    failure: "nothing was changed, or some bytes may still be stored: the messages say which",
    examples: [
      'cpm-registry admin purge left-pad 1.0.1 --reason secret --reference "ticket 4711" --yes',
      'cpm-registry admin purge left-pad --reason legal --reference "court order 12 O 34/26" --yes',
    ],
  },
  run: async ({ config, reason, reference, yes, json }, [name, version]) => {
    const { adminPurge } = await import("../admin-purge.ts");
    return adminPurge({ config, ...nameAndVersion(name, version), reason, reference, yes, json });
  },
});
