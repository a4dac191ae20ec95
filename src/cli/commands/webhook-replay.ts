import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS, WEBHOOK_ARGUMENT } from "../shared-options.ts";

/** `webhook replay`: send events again. */
export const webhookReplayCommand = defineCommand({
  name: "webhook replay",
  summary: "send events again, and let a disabled webhook work again",
  isClient: true,
  options: {
    since: {
      type: "string",
      value: "<time>",
      description:
        "from when on, such as 2026-01-31, 2026-01-31T12:00:00Z or 24h; what was not delivered yet when left out",
    },
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [WEBHOOK_ARGUMENT],
  help: {
    description: `Sends events again, in their order, and perhaps a few from before the time. Each message has the same
      webhook-id as before, so a receiver can leave out what it has. With a time that is later than the last delivery,
      what lies between is passed over. Asks for your password.`,
    failure: "nothing is sent again",
    examples: ["cpm-registry webhook replay 3f2a", "cpm-registry webhook replay 3f2a --since 24h"],
  },
  run: async (options, [webhook]) => {
    const { webhookReplay } = await import("../webhook.ts");
    return webhookReplay(options, webhook);
  },
});
