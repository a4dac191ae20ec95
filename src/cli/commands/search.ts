import { defineCommand } from "../command.ts";
import { CLIENT_OPTIONS } from "../shared-options.ts";

/** `search` finds packages. */
export const searchCommand = defineCommand({
  name: "search",
  summary: "find packages by their name, tags, authors and description",
  isClient: true,
  options: {
    tag: { type: "string", value: "<tag>", multiple: true, description: "only packages with this tag; repeat it" },
    author: { type: "string", value: "<name>", description: "only packages of this owner or maintainer" },
    sort: { type: "string", value: "<order>", description: "relevance, downloads, updated or name" },
    limit: { type: "string", value: "<number>", default: "20", description: "how many packages a page has" },
    page: { type: "string", value: "<number>", default: "1", description: "which page" },
    ...CLIENT_OPTIONS,
  },
  arguments: [{ name: "text", optional: true, description: "what to look for; all packages when left out" }],
  help: {
    description: "Prints the packages that the registry finds, the best first.",
    failure: "the registry could not answer",
    examples: ["cpm-registry search database", "cpm-registry search --tag ml --sort updated --json"],
  },
  run: async (options, [text]) => {
    const { search } = await import("../search.ts");
    return search(options, text);
  },
});
