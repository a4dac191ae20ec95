import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS, WEBHOOK_ARGUMENT } from "../shared-options.ts";

/** `webhook deliveries`: list the last attempts of a webhook. */
export const webhookDeliveriesCommand = defineCommand({
  name: "webhook deliveries",
  summary: "list the last 100 attempts of a webhook, the newest first",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [WEBHOOK_ARGUMENT],
  help: {
    description: `Lists when which event was sent, at which try, and how the receiver answered. Asks for
      your password.`,
    sections: [
      {
        title: "Outcomes",
        rows: [
          ["delivered", "the receiver answered 200 to 299"],
          ["failed", "it answered otherwise, or not at all"],
          ["refused", "nothing was sent, because the address is not allowed or the secret is lost"],
        ],
      },
    ],
    failure: "the attempts were not listed",
    examples: ["cpm-registry webhook deliveries 3f2a"],
  },
  run: async (options, [webhook]) => {
    const { webhookDeliveries } = await import("../webhook.ts");
    return webhookDeliveries(options, webhook);
  },
});
