import { COMPRESSED_HARD_MAX_BYTES } from "../domain/limits.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { isGood } from "../verify/checks.ts";
import { KnownKeysFault } from "../verify/known-keys.ts";
import { RegistryFault } from "../verify/registry-client.ts";
import { SeenLogFault } from "../verify/seen-logs.ts";
import { verifyPackage } from "../verify/verify-package.ts";
import { readGiven } from "./given-file.ts";
import { CHECKED, checksText, type TrustArguments, trustOf, trustWith } from "./trust.ts";

const PROOF_MAX_BYTES = 32 * 1024 * 1024;

/** Options and argument of `verify`. */
export interface VerifyArguments extends TrustArguments {
  readonly archive: string;
  readonly proof: string | undefined;
  readonly json: boolean;
}

/**
 * Runs `work`, which asks a registry. If the registry cannot be asked, or what it showed cannot be
 * stored, prints the reason and returns 1. With `json`, the reason is in a document on standard
 * output too.
 */
export async function reportingFaults(command: string, json: boolean, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (cause) {
    const isFault = [RegistryFault, SeenLogFault, KnownKeysFault].some((fault) => cause instanceof fault);
    if (!isFault || !(cause instanceof Error)) throw cause;
    if (json) printJson({ verified: false, fault: cause.message, checks: [] });
    printError(`cpm-registry ${command} failed: ${escapeUnprintable(cause.message)}`);
    return 1;
  }
}

/** Checks an archive against its publisher's signature and the log. Returns 1 if a check failed. */
export async function verify({ archive, proof, json, ...trusted }: VerifyArguments): Promise<number> {
  const isOffline = trusted.registry === undefined && proof !== undefined;
  const trust = isOffline ? await trustWith(undefined, trusted) : await trustOf(trusted, json);
  const bytes = await readGiven(archive, COMPRESSED_HARD_MAX_BYTES);
  const given = proof === undefined ? undefined : String(await readGiven(proof, PROOF_MAX_BYTES));
  return reportingFaults("verify", json, async () => {
    const { name = null, version = null, checks } = await verifyPackage(bytes, given, trust);
    const isVerified = isGood(checks);
    if (json) printJson({ verified: isVerified, name, version, checks });
    else
      print(
        `${checksText(checks)}\n\n${escapeUnprintable(archive)} is ${isVerified ? "verified" : "NOT verified"}.`,
        CHECKED,
      );
    return isVerified ? 0 : 1;
  });
}
