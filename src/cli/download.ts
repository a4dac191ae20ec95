import { createReadStream } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { clientFault } from "../client/client-fault.ts";
import { extractArchive } from "../client/extract.ts";
import { parsePackageSpec } from "../client/package-spec.ts";
import { putInPlace, requireFreeDirectory } from "../client/put-in-place.ts";
import type { VersionDocument } from "../client/registry-documents.ts";
import { type DownloadOptions, downloadVerified, type VerifiedArchive } from "../client/verified-download.ts";
import { withUserUmask } from "../runtime/user-umask.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { fileDigest } from "./file-digest.ts";
import { suggestingNames } from "./name-hint.ts";
import { progressOf } from "./progress.ts";
import { bytesText } from "./table.ts";
import { trustWith } from "./trust.ts";
import { UsageError } from "./usage.ts";
import { agedSpec } from "./version-choice.ts";

const ANYBODY = 0o666;

/** Options of `download`. */
export interface DownloadCommandOptions extends Partial<ClientOptions> {
  readonly output: string;
  readonly extract: string | undefined;
  readonly force: boolean;
  readonly vkey: string | undefined;
  readonly policy: string | undefined;
  readonly "minimum-age": string | undefined;
}

/** Downloads packages, and saves each one that verifies. */
export async function download(given: DownloadCommandOptions, texts: readonly string[]): Promise<number> {
  const { extract, output, force } = given;
  const specs = texts.map(parsePackageSpec);
  if (extract !== undefined && specs.length > 1) throw new UsageError("--extract takes one package at a time.");
  if (extract !== undefined) await requireFreeDirectory(extract);
  const context = clientContext(given);
  const options = await downloadOptions(context, given);
  const saved: object[] = [];
  for (const spec of specs) {
    const wish = { minimumAge: given["minimum-age"], isRequired: true };
    const archive = await suggestingNames(options.client, spec.name, async () =>
      downloadVerified(await agedSpec(context, options.client, spec, wish), options),
    );
    const path = await saveTo(archive, { extract, output, force });
    const { name, version, digest: sha256, size, checks } = archive;
    saved.push({ name, version, sha256, size, path, fetched: archive.isFetched, verified: true, checks });
    report(context, archive, path, extract !== undefined);
  }
  context.answer({ packages: saved }, "");
  return 0;
}

async function downloadOptions(context: ClientContext, given: DownloadCommandOptions): Promise<DownloadOptions> {
  const client = await apiClient(context);
  const vkey = given.vkey ?? client.address.logKey;
  const trust = await trustWith(client.forVerification(), { vkey, policy: given.policy });
  return {
    client,
    trust,
    ...(given.extract === undefined ? { existing: (version) => existingFile(version, given) } : {}),
    directory: context.home.partialsDirectory,
    report: progressOf(context.options.json || !context.prompt.isTable),
  };
}

type Target = Pick<DownloadCommandOptions, "extract" | "output" | "force">;

function pathFor({ name, version }: { readonly name: string; readonly version: string }, output: string): string {
  return resolve(join(output, `${name}-${version}.cpm`));
}

/** The file that is there already, if it has what the registry has. */
async function existingFile(
  version: Pick<VersionDocument, "name" | "version" | "sha256">,
  { output, force }: Target,
): Promise<string | undefined> {
  const path = pathFor(version, output);
  const there = await fileDigest(path);
  if (there === undefined || there === version.sha256) return there && path;
  if (!force) throw exists(path);
  return undefined;
}

async function saveTo(archive: VerifiedArchive, { extract, output }: Target): Promise<string> {
  if (!archive.isFetched) return archive.path;
  try {
    if (extract !== undefined) return await withUserUmask(() => extractTo(archive, resolve(extract)));
    const path = pathFor(archive, output);
    await withUserUmask((umask) => publicly(archive.path, path, umask));
    return path;
  } finally {
    await rm(archive.path, { force: true });
  }
}

/** A package is not secret: whoever may read the user's other files may read it. */
async function publicly(from: string, to: string, umask: number): Promise<void> {
  await chmod(from, ANYBODY & ~umask);
  await putInPlace(from, to);
}

/** The tree is made elsewhere, so that nobody finds a half one under its name. */
async function extractTo(archive: VerifiedArchive, directory: string): Promise<string> {
  const tree = `${archive.path}.tree.${process.pid}`;
  try {
    await extractArchive(createReadStream(archive.path), tree);
    await putInPlace(tree, directory);
    return directory;
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

function exists(path: string) {
  const detail = `${path} exists and has other contents than the registry's. It was not touched.
Move it away, or replace it with --force.`;
  return clientFault("failed", "client_exists", detail);
}

function report(context: ClientContext, archive: VerifiedArchive, path: string, isExtracted: boolean): void {
  for (const { check, result, detail } of archive.checks) {
    if (result === "warning") context.prompt.note(`Warning: ${check}: ${detail}`);
  }
  if (context.options.json) return;
  const { name, version, size } = archive;
  const signer = archive.checks.find(({ check }) => check === "signer")?.detail ?? "";
  const there = archive.isFetched ? "" : " It was there already, and was not fetched again.";
  context.prompt.note(`${name} ${version} is verified (${bytesText(size)}): ${signer}.${there}`);
  context.answer(undefined, path);
  if (isExtracted) context.prompt.note(`To deploy it: cpm install ${name}`);
}
