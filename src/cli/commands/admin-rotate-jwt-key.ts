import { defineCommand } from "../command.ts";
import { CONFIG_OPTION, JSON_OPTION } from "../shared-options.ts";

/** `admin rotate-jwt-key` replaces the key that signs sessions. */
export const adminRotateJwtKeyCommand = defineCommand({
  name: "admin rotate-jwt-key",
  summary: "replace the key that signs sessions, without ending them",
  options: {
    finish: { type: "boolean", description: "make no new key; remove the old one, whose sessions have ended by now" },
    "end-sessions": {
      type: "boolean",
      description: "keep no old key: after a restart, everybody logs in again",
    },
    now: { type: "boolean", description: "let an old key go although sessions still need it" },
    json: JSON_OPTION,
    config: CONFIG_OPTION,
  },
  arguments: [],
  help: {
    description: `Writes a new key into jwt.key of the data directory, before the present one. After a restart the
      registry signs sessions with the new key, and accepts those of both. Sessions last 12 hours, so the old key can go
      12 hours after the restart: run the command with --finish, and restart again. Before that, --finish and another
      rotation are refused, because they would end sessions. API tokens are not signed with this key, and go on.

      The secrets of webhooks are encrypted with this key too, and are encrypted anew before a key goes. After
      --end-sessions, restart at once: until then the running registry cannot send to webhooks.

      With JWT_KEY there is no file: set JWT_KEY to a new key and the present one, with a space between them.`,
    failure: "the key was not replaced",
    examples: ["cpm-registry admin rotate-jwt-key", "cpm-registry admin rotate-jwt-key --finish"],
  },
  run: async (options) => {
    const { adminRotateJwtKey } = await import("../rotate-jwt-key.ts");
    return adminRotateJwtKey({ ...options, endSessions: options["end-sessions"] });
  },
});
