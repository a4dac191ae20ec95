import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS, PASSWORD_OPTIONS } from "../shared-options.ts";

/** `webhook create`: send events to an address as they happen. */
export const webhookCreateCommand = defineCommand({
  name: "webhook create",
  summary: "send events to an address as they happen",
  isClient: true,
  options: {
    event: {
      type: "string",
      value: "<kind>",
      multiple: true,
      description: "only these events: version.published, or a group such as version.*; repeat it; all when left out",
    },
    package: {
      type: "string",
      value: "<name>",
      multiple: true,
      description: "only events of this package, or of names such as hello-*; repeat it; all when left out",
    },
    ...PASSWORD_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "url", description: "the address of the receiver, which begins with https://" }],
  help: {
    description: `Sends each event of your packages to the address; for an administrator, each event of the registry.
      Messages are signed (Standard Webhooks). Prints the secret with which the receiver checks them alone on standard
      output, once. Asks for your password, because an API token must not make webhooks.

      To send to an address of an internal network, or by http, the operator of the registry names its host in
      WEBHOOK_ALLOWED_HOSTS.`,
    failure: "no webhook was made",
    examples: [
      "cpm-registry webhook create https://ci.example.org/cpm > secret",
      "cpm-registry webhook create https://ci.example.org/cpm --event 'version.*' --package 'hello-*' > secret",
    ],
  },
  run: async (options, [url]) => {
    const { webhookCreate } = await import("../webhook.ts");
    return webhookCreate(options, url);
  },
});
