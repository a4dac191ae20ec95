import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS, WEBHOOK_ARGUMENT } from "../shared-options.ts";

/** `webhook remove`: send nothing more to an address. */
export const webhookRemoveCommand = defineCommand({
  name: "webhook remove",
  summary: "send nothing more to an address",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [WEBHOOK_ARGUMENT],
  help: {
    description: `Removes a webhook with its secret and its list of deliveries. Asks for your password.`,
    failure: "nothing was removed",
    examples: ["cpm-registry webhook remove 3f2a"],
  },
  run: async (options, [webhook]) => {
    const { webhookRemove } = await import("../webhook.ts");
    return webhookRemove(options, webhook);
  },
});
