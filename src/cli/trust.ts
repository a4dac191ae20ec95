import { readVerifierSettings } from "../config/verifier-settings.ts";
import { systemClock } from "../start/system-clock.ts";
import { ED25519, parseVerifierKey } from "../tlog/note.ts";
import type { Check } from "../verify/checks.ts";
import { KnownKeys } from "../verify/known-keys.ts";
import { PolicyFault, parsePolicy } from "../verify/policy.ts";
import { RegistryClient } from "../verify/registry-client.ts";
import { SeenLogs } from "../verify/seen-logs.ts";
import type { Trust } from "../verify/trust.ts";
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

function clientOf(registry: string, token: string | undefined): RegistryClient {
  const url = URL.parse(registry);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError("--registry must be an address such as https://cpm.example.org.");
  }
  return new RegistryClient(registry, token);
}

/** Collects the registry to ask and the keys to trust. Throws `UsageError`. */
export function trustOf({ registry, ...keys }: TrustArguments): Promise<Trust> {
  const { token } = readVerifierSettings();
  return trustWith(registry === undefined ? undefined : clientOf(registry, token), keys);
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

/** Formats checks as a table. */
export function checksText(checks: readonly Check[]): string {
  const rows = checks.map(({ check, result, code, detail }) => [check, result, code ?? "", detail]);
  return tableText([["CHECK", "RESULT", "PROBLEM", "WHAT WAS COMPARED"], ...rows]);
}
