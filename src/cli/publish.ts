import type { ApiClient } from "../client/api-client.ts";
import { type CheckedArchive, withArchive } from "../client/checked-archive.ts";
import { clientFault } from "../client/client-fault.ts";
import {
  differencesFromPublished,
  explainRefusal,
  type Published,
  requireProved,
  sendPublication,
  versionExists,
} from "../client/publication.ts";
import type { Signer } from "../client/signer.ts";
import type { Trust } from "../verify/trust.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { trustOfClient } from "./client-trust.ts";
import { archiveDocument, archiveText, warningLines } from "./package-text.ts";
import { progressBar } from "./progress.ts";
import { signerOrFirst } from "./signer.ts";

const FINAL = "A published version cannot be changed or taken back, only yanked.";

/** Options of `publish`. */
export interface PublishOptions extends Partial<ClientOptions> {
  readonly key: string | undefined;
  readonly "dry-run": boolean;
  readonly "if-changed": boolean;
  readonly "allow-secrets": boolean;
}

/** One run of `publish`. */
interface Publishing {
  readonly context: ClientContext;
  readonly client: ApiClient;
  readonly trust: Trust;
  readonly given: PublishOptions;
}

/** Packs, checks, shows, signs and publishes a package, and verifies the proof of the answer. */
export async function publish(given: PublishOptions, target = "."): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  if (!client.hasToken) {
    const detail = `You are not logged in at ${client.address.url}.\nLog in first: cpm-registry login, or set CPM_API_TOKEN.`;
    throw clientFault("denied", "client_not_logged_in", detail);
  }
  const publishing = { context, client, trust: trustOfClient(context, client), given };
  return withArchive(target, (archive) => publishArchive(publishing, archive));
}

async function publishArchive(publishing: Publishing, archive: CheckedArchive): Promise<number> {
  const { context, client, given } = publishing;
  if (given["if-changed"] && (await isPublished(client, archive))) {
    const { name, version } = archive;
    const text = `${name} ${version} is published already, with the same files.`;
    context.answer({ ...archiveDocument(archive), published: false, unchanged: true }, text);
    return 0;
  }
  const signer = await signerOrFirst(context, given.key, "publish");
  if (!given["dry-run"]) await confirmPublish(publishing, archive, signer);
  const published = await upload(publishing, archive, signer);
  reportNewWarnings(context, archive, published);
  if (given["dry-run"]) answerDryRun(context, archive, published);
  else await answerPublished(publishing, archive, signer, published);
  return 0;
}

/** Throws if the version has other files: its number is used up. */
async function isPublished(client: ApiClient, archive: CheckedArchive): Promise<boolean> {
  const differences = await differencesFromPublished(client, archive);
  if (differences === undefined) return false;
  if (differences.length === 0) return true;
  throw versionExists(archive, differences);
}

/** A machine that was told to publish is not asked again. */
async function confirmPublish({ context, client, given }: Publishing, archive: CheckedArchive, signer: Signer) {
  const { prompt, settings } = context;
  const { url } = client.address;
  const where = [`  registry ${url}`, `  key      ${signer.name} (${signer.keyId})`];
  prompt.note([archiveText(archive), ...where, ...warningLines(archive), FINAL].join("\n"));
  if (given["if-changed"] || settings.isContinuousIntegration) return;
  const text = `Publish ${archive.name} ${archive.version} to ${url}?`;
  if (await prompt.confirm({ text, flag: "--yes" })) return;
  throw clientFault("failed", "client_declined", "Nothing was published.");
}

async function upload({ context, client, given }: Publishing, archive: CheckedArchive, signer: Signer) {
  const bar = progressBar("publish", context.options.json);
  const onSent = (bytes: number) => bar.report({ done: bytes, total: archive.size, bytes });
  try {
    const wishes = { dryRun: given["dry-run"], allowSecrets: given["allow-secrets"], onSent };
    return await sendPublication(client, archive, signer, wishes);
  } catch (cause) {
    throw await explainRefusal(cause, client, archive, signer);
  } finally {
    bar.end();
  }
}

/** Those that only the registry found. The others were shown before. */
function reportNewWarnings({ prompt }: ClientContext, { inspection }: CheckedArchive, { version }: Published): void {
  const shown = new Set(inspection.warnings.map(({ message }) => message));
  for (const { message } of version.warnings) if (!shown.has(message)) prompt.note(`Warning: ${message}`);
}

function answerDryRun(context: ClientContext, archive: CheckedArchive, { version }: Published): void {
  const lines = [archiveText(archive), ...warningLines(archive)];
  const text = `${lines.join("\n")}\n${archive.name} ${archive.version} would be published. Nothing was stored.`;
  context.answer({ ...archiveDocument(archive), published: false, dryRun: true, version }, text);
}

async function answerPublished(
  { context, client, trust }: Publishing,
  archive: CheckedArchive,
  signer: Signer,
  published: Published,
): Promise<void> {
  await requireProved(published, archive, signer, trust);
  const { name, version, digest: sha256 } = archive;
  const { isNew, version: view } = published;
  const { logIndex } = view;
  const document = { name, version, published: isNew, unchanged: !isNew, sha256, logIndex, keyId: signer.keyId };
  const verb = isNew ? "published" : "was published before, with the same bytes";
  context.answer(
    { ...document, registry: client.address.url, verified: true },
    `${name} ${version} ${verb}, log index ${logIndex}.`,
  );
}
