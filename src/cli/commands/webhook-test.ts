import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS, WEBHOOK_ARGUMENT } from "../shared-options.ts";

/** `webhook test`: send a test message to a receiver. */
export const webhookTestCommand = defineCommand({
  name: "webhook test",
  summary: "send a test message, and see how it is answered",
  isClient: true,
  options: { ...PASSWORD_OPTIONS, ...CLIENT_OPTIONS },
  arguments: [WEBHOOK_ARGUMENT],
  help: {
    description: `Sends a signed message of the type webhook.test and waits for the answer, at most 10 seconds. It works
      for a disabled webhook too, and changes nothing but the list of deliveries. Asks for your password.`,
    failure: "the receiver did not take the message, or there is no such webhook",
    examples: ["cpm-registry webhook test 3f2a"],
  },
  run: async (options, [webhook]) => {
    const { webhookTest } = await import("../webhook.ts");
    return webhookTest(options, webhook);
  },
});
