import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION, nameAndVersion, OFFLINE_TEXT, PACKAGE_ARGUMENT } from "../shared-options.ts";

/** `admin quarantine` stops downloads of a package or a version, or allows them again. */
export const adminQuarantineCommand = defineCommand({
  name: "admin quarantine",
  summary: "quarantine a package or a version, or release it with --lift",
  options: {
    reason: { type: "string", value: "<text>", description: "why, in one line; shown to everyone who is refused" },
    category: {
      type: "string",
      value: "<word>",
      description: "legal, secret, malware or policy; the log records it (default: policy)",
    },
    lift: { type: "boolean", description: "release the package or the version" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [
    PACKAGE_ARGUMENT,
    { name: "version", optional: true, description: "one version; the whole package when left out" },
  ],
  help: {
    description: `Puts a package or one of its versions in quarantine. Requests for its contents are answered with 403 and the
      reason. It appears in no list and is never the latest version. Its metadata stays readable. Running servers
      notice within a second; copies in caches and on other machines stay. Give either --reason or --lift.

      The log gets a leaf with the category, so that auditors can tell a quarantine from a lost archive. The reason
      in words is not in the log.

      ${OFFLINE_TEXT}`,
    failure: "nothing was changed",
    examples: [
      'cpm-registry admin quarantine left-pad 1.0.1 --category malware --reason "Sends passwords to a stranger"',
      "cpm-registry admin quarantine left-pad 1.0.1 --lift",
    ],
  },
  run: async ({ config, reason, category, lift, json }, [name, version]) => {
    const { adminQuarantine } = await import("../admin-moderation.ts");
    return adminQuarantine({ config, ...nameAndVersion(name, version), reason, category, lift, json });
  },
});
