import { rm, stat } from "node:fs/promises";
import { type PackageSpec, packageSpecText, parsePackageSpec } from "../client/package-spec.ts";
import { downloadChecked } from "../client/verified-download.ts";
import { COMPRESSED_HARD_MAX_BYTES } from "../domain/limits.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { type Check, isGood } from "../verify/checks.ts";
import { KnownKeysFault } from "../verify/known-keys.ts";
import { RegistryFault } from "../verify/registry-client.ts";
import { SeenLogFault } from "../verify/seen-logs.ts";
import { verifyPackage } from "../verify/verify-package.ts";
import { readGiven } from "./given-file.ts";
import { suggestingNames } from "./name-hint.ts";
import { progressOf } from "./progress.ts";
import { askedRegistry, CHECKED, checksText, type TrustArguments, trustOf, trustWith } from "./trust.ts";
import { agedSpec } from "./version-choice.ts";

const PROOF_MAX_BYTES = 32 * 1024 * 1024;

/** Words that name a file, whether it exists or not. */
const FILE_LIKE = /[/\\]|\.(?:cpm|tgz|gz|tar)$/i;

/** Options and argument of `verify`: a file, or a package of a registry. */
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

/**
 * Checks an archive, or a published version that it fetches and removes again, against its
 * publisher's signature and the log. Returns 1 if a check failed.
 */
export async function verify(given: VerifyArguments): Promise<number> {
  const { archive } = given;
  if (FILE_LIKE.test(archive) || (await isFile(archive))) return verifyFile(given);
  return verifyPublished(given, parsePackageSpec(archive));
}

/** A directory is no archive: often it is the source of the package of its name. */
async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isDirectory();
}

async function verifyFile({ archive, proof, json, ...trusted }: VerifyArguments): Promise<number> {
  const isOffline = trusted.registry === undefined && proof !== undefined;
  const trust = isOffline ? await trustWith(undefined, trusted) : await trustOf(trusted, json);
  const bytes = await readGiven(archive, COMPRESSED_HARD_MAX_BYTES);
  const given = await proofText(proof);
  return reportingFaults("verify", json, async () => {
    const { name = null, version = null, checks } = await verifyPackage(bytes, given, trust);
    return answer({ what: archive, name, version, checks }, json);
  });
}

async function proofText(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : String(await readGiven(path, PROOF_MAX_BYTES));
}

async function verifyPublished({ proof, json, ...trusted }: VerifyArguments, asked: PackageSpec): Promise<number> {
  const { context, client, trust } = await askedRegistry(trusted, json);
  const options = {
    client,
    trust,
    proof: await proofText(proof),
    directory: context.home.partialsDirectory,
    report: progressOf(json || !context.prompt.isTable),
  };
  const { name, version, checks, path } = await suggestingNames(client, asked.name, async () => {
    const wish = { minimumAge: undefined, isRequired: false };
    return downloadChecked(await agedSpec(context, client, asked, wish), options);
  });
  await rm(path, { force: true });
  return answer({ what: packageSpecText({ name, version }), name, version, checks }, json);
}

interface Verdict {
  /** What the user named. */
  readonly what: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly checks: readonly Check[];
}

function answer({ what, name, version, checks }: Verdict, json: boolean): number {
  const isVerified = isGood(checks);
  const verdict = `${escapeUnprintable(what)} is ${isVerified ? "verified" : "NOT verified"}.`;
  if (json) printJson({ verified: isVerified, name, version, checks });
  else print(`${checksText(checks)}\n\n${verdict}`, CHECKED);
  return isVerified ? 0 : 1;
}
