import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `webhook list`: list your webhooks, and why one does not work. */
export const webhookListCommand = defineCommand({
  name: "webhook list",
  summary: "list your webhooks, and why one does not work",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [],
  help: {
    description: `Lists where events are sent, which ones, and how it goes. Asks for your password, because an API token
      must not see webhooks.`,
    sections: [
      {
        title: "States",
        rows: [
          ["active", "events are sent as they happen"],
          ["retrying", "the next event was not delivered, and is sent again later. Those behind it wait"],
          ["disabled", "nothing is sent. The reason is beside it; webhook replay lets it work again"],
        ],
      },
    ],
    failure: "the webhooks were not listed",
    examples: ["cpm-registry webhook list"],
  },
  run: async (options) => {
    const { webhookList } = await import("../webhook.ts");
    return webhookList(options);
  },
});
