import { clientFault } from "../client/client-fault.ts";
import type { ClientContext } from "./client-context.ts";

/** Asks before something is changed. Throws when the answer is no. */
export async function confirm({ prompt }: ClientContext, text: string): Promise<void> {
  if (await prompt.confirm({ text, flag: "--yes" })) return;
  throw clientFault("failed", "client_declined", "Nothing was changed.");
}
