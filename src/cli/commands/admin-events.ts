import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, OFFLINE_TEXT } from "../shared-options.ts";

/** `admin events` exports the audit feed. */
export const adminEventsCommand = defineCommand({
  name: "admin events",
  summary: "export the audit feed, from a time or an event on",
  options: {
    since: {
      type: "string",
      value: "<time|id>",
      description: "events from this time on, or after the event with this id; all when left out",
    },
    follow: { type: "boolean", description: "wait for new events, until SIGTERM or SIGINT" },
    format: { type: "string", value: "<word>", default: "ndjson", description: "ndjson, or csv for spreadsheets" },
    output: {
      type: "string",
      value: "<file>",
      description: "append to this file, and continue it after its last event; standard output when left out",
    },
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Writes every change of state, one line for each, in the order in which they became final: who did what,
      when, from which address and with which token. Without --output, continue with --since and the id of the last
      line that you have. With --output the command does that by itself: killed at any time and started again, it
      writes nothing twice and misses nothing. A line that was cut is removed first.

      Fields of csv are quoted, and those that a spreadsheet would take for a formula begin with an apostrophe.

      ${OFFLINE_TEXT}`,
    failure: "the database or the file cannot be read or written",
    examples: [
      "cpm-registry admin events --since 2026-11-01T00:00:00Z --format csv > november.csv",
      "cpm-registry admin events --follow --output /var/log/cpm-registry/events.ndjson",
    ],
  },
  run: async ({ config, since, follow, format, output }) => {
    const { adminEvents } = await import("../admin-events.ts");
    return adminEvents({ config, since, follow, format, output });
  },
});
