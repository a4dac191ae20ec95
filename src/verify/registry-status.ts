import { parseJsonText } from "../domain/json-text.ts";
import type { SignedArchive } from "../signing/statement.ts";
import { type Check, ok, unchecked, warning } from "./checks.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

const NAME = "registry status";
/** RFC 7725: the version was taken down. */
const TAKEN_DOWN_STATUS = 451;
/** A hostile registry may send megabytes where a person reads a line. */
const TEXT_MAX_CHARS = 1_000;

/** The members of a version in the API that this check reads. */
interface VersionStatus {
  readonly yanked?: unknown;
  readonly yankReason?: unknown;
  readonly yankMessage?: unknown;
  readonly yankReplacement?: unknown;
  readonly quarantine?: { readonly reason?: unknown } | null;
  readonly signature?: { readonly compromised?: unknown };
}

function shown(text: unknown): string | undefined {
  return typeof text === "string" ? text.slice(0, TEXT_MAX_CHARS) : undefined;
}

/** Lists the reasons against using a version. */
function objections({
  yanked,
  yankReason,
  yankMessage,
  yankReplacement,
  quarantine,
  signature,
}: VersionStatus): string[] {
  const found: string[] = [];
  if (signature?.compromised === true) found.push("the key that signed it is compromised");
  if (typeof quarantine === "object" && quarantine !== null)
    found.push(`it is in quarantine: ${shown(quarantine.reason)}`);
  if (yanked !== true) return found;
  const why = [yankReason, yankMessage].flatMap((text) => shown(text) ?? []).join(": ");
  const instead = typeof yankReplacement === "string" ? `, use ${shown(yankReplacement)} instead` : "";
  return [...found, `it is yanked${why === "" ? "" : ` (${why})`}${instead}`];
}

/** The path that `checkRegistryStatus` asks for. */
export function statusPath({ name, version }: Pick<SignedArchive, "name" | "version">): string {
  return `/api/packages/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
}

/**
 * Checks the present status of a version at the registry, and warns if the version should not be
 * used any more. The status is only the word of the registry. No proof covers it, because a proof
 * of the version stays valid for ever.
 */
export async function checkRegistryStatus(client: RegistryClient, archive: SignedArchive): Promise<Check> {
  try {
    const status: VersionStatus = Object(parseJsonText(await client.text(statusPath(archive))));
    const found = objections(status);
    if (found.length > 0) return warning(NAME, `the registry reports that ${found.join("; ")}`);
    return ok(NAME, "the registry reports no yank and no quarantine");
  } catch (cause) {
    if (cause instanceof RegistryFault && cause.status === TAKEN_DOWN_STATUS)
      return warning(NAME, "the registry reports that it was taken down, so it should not be used");
    if (cause instanceof RegistryFault || cause instanceof SyntaxError) {
      return unchecked(NAME, `the registry does not report it: ${cause.message}`);
    }
    throw cause;
  }
}
