import { isGood } from "../verify/checks.ts";
import { RegistryFault } from "../verify/registry-client.ts";
import { SeenLogFault } from "../verify/seen-logs.ts";
import { verifyPackage } from "../verify/verify-package.ts";
import { checksText, readGiven, type TrustArguments, trustOf } from "./trust.ts";
import { UsageError } from "./usage.ts";

/** How `verify` was called. */
export interface VerifyArguments extends TrustArguments {
  readonly archive: string;
  readonly proof: string | undefined;
  readonly json: boolean;
}

/** Runs what asks a registry; one that cannot be asked, or remembered, ends it with 1 and the reason, with `json` in a document too. */
export async function asking(command: string, json: boolean, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof RegistryFault || cause instanceof SeenLogFault)) throw cause;
    if (json) console.log(JSON.stringify({ verified: false, fault: cause.message, checks: [] }));
    console.error(`cpm-registry ${command} failed: ${cause.message}`);
    return 1;
  }
}

/** Checks an archive against its publisher's signature and the log. Exit code 1: something is wrong. */
export async function verify({ archive, proof, json, ...trusted }: VerifyArguments): Promise<number> {
  if (trusted.registry === undefined && proof === undefined) {
    throw new UsageError("verify needs --registry <url>, or --proof <file> to ask nobody");
  }
  const trust = await trustOf(trusted);
  const bytes = await readGiven(archive);
  const given = proof === undefined ? undefined : (await readGiven(proof)).toString("utf8");
  return asking("verify", json, async () => {
    const { name = null, version = null, checks } = await verifyPackage(bytes, given, trust);
    const isVerified = isGood(checks);
    if (json) console.log(JSON.stringify({ verified: isVerified, name, version, checks }));
    else console.log(`${checksText(checks)}\n\n${archive} is ${isVerified ? "verified" : "NOT verified"}.`);
    return isVerified ? 0 : 1;
  });
}
