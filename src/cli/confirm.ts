import { clientFault } from "../client/client-fault.ts";
import type { ClientContext } from "./client-context.ts";

/**
 * Asks before something is changed. Throws when the answer is no. `flag` says how the command line
 * answers.
 */
export async function confirm({ prompt }: ClientContext, text: string, flag = "--yes"): Promise<void> {
  if (await prompt.confirm({ text, flag })) return;
  throw clientFault("failed", "client_declined", "Nothing was changed.");
}
