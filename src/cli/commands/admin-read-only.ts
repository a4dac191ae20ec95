import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `admin read-only` stops every change on all servers of a registry, or lets them go on. */
export const adminReadOnlyCommand = defineCommand({
  name: "admin read-only",
  summary: "stop every change on all servers while reads go on, or end that",
  options: {
    reason: {
      type: "string",
      value: "<text>",
      description: "with on: what everybody is told whose change is refused, such as `we move to Postgres until 14:00`",
    },
    wait: {
      type: "boolean",
      description: "with on: return only when no change that had begun can be committed any more, which takes 8 s",
    },
    yes: {
      type: "boolean",
      description: "with off: also where db copy has moved this database, whose copy you give up",
    },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [
    {
      name: "on|off|status",
      description: "on makes the registry read-only, off lets changes go on, status says which",
    },
  ],
  help: {
    description: `Makes a registry read-only, or writable again. All servers of its database follow within a second,
      without a restart, and the mode outlives restarts. Every change is answered 503 read_only with the reason:
      publishing, yanking, everything about accounts, keys, owners and tokens, and logins. Reading and downloading work,
      also with the tokens and sessions that exist. Downloads are counted in memory only; what a server counted is lost
      if it ends before the registry is writable again. /health shows the mode and stays healthy.

      Other commands of the operator still change what the log does not record. The command may run beside servers. To
      make a single server read-only, set READ_ONLY=true; status does not see that, /health does.

      Once db copy has filled another database from this one, no server starts on it and no command uses it. If you
      go on with this database all the same, end that with off --yes.`,
    failure: "the mode was not changed",
    examples: [
      'cpm-registry admin read-only on --reason "we move to Postgres until 14:00" --wait',
      "cpm-registry admin read-only off",
      "cpm-registry admin read-only status",
    ],
  },
  run: async ({ config, reason, wait, yes, json }, [mode]) => {
    const { adminReadOnly } = await import("../admin-read-only.ts");
    return adminReadOnly({ config, mode, reason, wait, yes, json });
  },
});
