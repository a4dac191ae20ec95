import type { SignedArchive } from "../signing/statement.ts";
import { type Check, ok, unchecked, warning } from "./checks.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

const NAME = "registry status";

/** As much as is looked at of what a registry says of a version. */
interface Said {
  readonly yanked?: unknown;
  readonly yankReason?: unknown;
  readonly yankMessage?: unknown;
  readonly yankReplacement?: unknown;
  readonly quarantine?: { readonly reason?: unknown } | null;
  readonly signature?: { readonly compromised?: unknown };
}

/** What speaks against using a version. */
function objections({ yanked, yankReason, yankMessage, yankReplacement, quarantine, signature }: Said): string[] {
  const found: string[] = [];
  if (signature?.compromised === true) found.push("the key that signed it is compromised");
  if (typeof quarantine === "object" && quarantine !== null) found.push(`it is in quarantine: ${quarantine.reason}`);
  if (yanked !== true) return found;
  const why = [yankReason, yankMessage].filter((text) => typeof text === "string").join(": ");
  const instead = typeof yankReplacement === "string" ? `, use ${yankReplacement} instead` : "";
  return [...found, `it is yanked${why === "" ? "" : ` (${why})`}${instead}`];
}

/**
 * What the registry says of a version today: a warning where it should not be used any more. Only its word, which no proof
 * of the version stands for: that one is right for ever.
 */
export async function checkRegistryStatus(client: RegistryClient, { name, version }: SignedArchive): Promise<Check> {
  const path = `/api/packages/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
  try {
    const said: Said = JSON.parse(await client.text(path)) ?? {};
    const found = objections(said);
    if (found.length > 0) return warning(NAME, `the registry says that ${found.join("; ")}`);
    return ok(NAME, "neither yanked nor in quarantine, as the registry says");
  } catch (cause) {
    if (cause instanceof RegistryFault || cause instanceof SyntaxError) {
      return unchecked(NAME, `the registry does not say: ${cause.message}`);
    }
    throw cause;
  }
}
