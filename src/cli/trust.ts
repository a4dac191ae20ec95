import { readVerifierSettings } from "../config/verifier-settings.ts";
import type { Highlights } from "../runtime/print.ts";
import { systemClock } from "../start/system-clock.ts";
import { ED25519, parseVerifierKey } from "../tlog/note.ts";
import type { Check } from "../verify/checks.ts";
import { KnownKeys } from "../verify/known-keys.ts";
import { PolicyFault, parsePolicy } from "../verify/policy.ts";
import type { RegistryClient } from "../verify/registry-client.ts";
import { SeenLogs } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
import { apiClient, clientContext } from "./client-context.ts";
import { readGiven } from "./given-file.ts";
import { tableText } from "./table.ts";
import { UsageError } from "./usage.ts";

const POLICY_MAX_BYTES = 1024 * 1024;

/** Options of the commands that verify: which registry to ask, and whose signatures to trust. */
export interface TrustArguments {
  readonly registry: string | undefined;
  readonly vkey: string | undefined;
  readonly policy: string | undefined;
}

/**
 * Collects the registry to ask and the keys to trust: the registry that is named, or the one that
 * client commands use. Throws `UsageError`, or `ClientFault` if no registry is known.
 */
export async function trustOf(given: TrustArguments, json: boolean) {
  return (await askedRegistry(given, json)).trust;
}

/** Returns what `trustOf` collects, with the client and the context that it is of. */
export async function askedRegistry({ registry, vkey, policy }: TrustArguments, json: boolean) {
  // Nothing is sent but the token that this registry gave, and old addresses go on working.
  const context = clientContext({ registry, json, "insecure-http": true });
  const client = await apiClient(context);
  const asked = client.forVerification();
  const trust = { ...(await trustWith(asked, { vkey: vkey ?? client.address.logKey, policy })), client: asked };
  return { context, client, trust };
}

/** Collects the keys to trust for a client of a registry. Throws `UsageError`. */
export async function trustWith(
  client: RegistryClient | undefined,
  { vkey, policy }: Omit<TrustArguments, "registry">,
): Promise<Trust> {
  const { policyFile, seenDirectory, knownKeysFile } = readVerifierSettings();
  const key = vkey === undefined ? undefined : parseVerifierKey(vkey.trim());
  if (vkey !== undefined && key?.type !== ED25519) {
    throw new UsageError("--vkey must be the verifier key of a log, as cpm-registry log key prints it.");
  }
  const path = policy ?? policyFile;
  try {
    return {
      client,
      seenLogs: new SeenLogs(seenDirectory),
      vkey: key,
      knownKeys: new KnownKeys(knownKeysFile),
      now: systemClock(),
      policy: path === undefined ? undefined : parsePolicy(String(await readGiven(path, POLICY_MAX_BYTES))),
    };
  } catch (cause) {
    if (cause instanceof PolicyFault) throw new UsageError(`${path} is not a valid policy: ${cause.message}`);
    throw cause;
  }
}

/** The results in `checksText`, and the verdict below. */
export const CHECKED: Highlights = [
  [/(?<=^\S+(?: \S+)* {2,})ok(?= )/gm, "green"],
  [/(?<=^\S+(?: \S+)* {2,})failed(?= )|NOT \w+/gm, "red"],
  [/(?<=^\S+(?: \S+)* {2,})warning(?= )/gm, "yellow"],
];

/** Formats checks as a table. */
export function checksText(checks: readonly Check[]): string {
  const rows = checks.map(({ check, result, code, detail }) => [check, result, code ?? "", detail]);
  return tableText([["CHECK", "RESULT", "PROBLEM", "WHAT WAS COMPARED"], ...rows]);
}
