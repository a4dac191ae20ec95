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
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { archiveDocument, archiveText, warningLines } from "./package-text.ts";
import { progressBar } from "./progress.ts";
import { signerForPublish } from "./signer.ts";

const FINAL = "A published version cannot be changed or taken back, only yanked.";

/** Options of `publish`. */
export interface PublishOptions extends Partial<ClientOptions> {
  readonly key: string | undefined;
  readonly "dry-run": boolean;
  readonly "if-changed": boolean;
  readonly "allow-secrets": boolean;
}

/** Packs, checks, shows, signs and publishes a package, and verifies the proof of the answer. */
export async function publish(given: PublishOptions, target = "."): Promise<number> {
  const context = clientContext(given);
  const client = await apiClient(context);
  if (!client.hasToken) {
    const detail = `You are not logged in at ${client.address.url}.\nLog in first: cpm-registry login, or set CPM_API_TOKEN.`;
    throw clientFault("denied", "client_not_logged_in", detail);
  }
  return withArchive(target, (archive) => publishArchive(context, client, archive, given));
}

async function publishArchive(
  context: ClientContext,
  client: ApiClient,
  archive: CheckedArchive,
  given: PublishOptions,
): Promise<number> {
  if (given["if-changed"] && (await isPublished(client, archive))) {
    const { name, version } = archive;
    const text = `${name} ${version} is published already, with the same files.`;
    context.answer({ ...archiveDocument(archive), published: false, unchanged: true }, text);
    return 0;
  }
  const signer = await signerForPublish(context, given.key);
  if (!given["dry-run"]) await confirmPublish(context, client, archive, signer, given);
  const published = await upload(context, client, archive, signer, given);
  await answerPublished(context, client, archive, signer, published);
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
async function confirmPublish(
  { prompt, settings }: ClientContext,
  { address }: ApiClient,
  archive: CheckedArchive,
  signer: Signer,
  given: PublishOptions,
): Promise<void> {
  const where = [`  registry ${address.url}`, `  key      ${signer.name} (${signer.keyId})`];
  prompt.note([archiveText(archive), ...where, ...warningLines(archive), FINAL].join("\n"));
  if (given["if-changed"] || settings.isContinuousIntegration) return;
  const text = `Publish ${archive.name} ${archive.version} to ${address.url}?`;
  if (await prompt.confirm({ text, flag: "--yes" })) return;
  throw clientFault("failed", "client_declined", "Nothing was published.");
}

async function upload(
  { options }: ClientContext,
  client: ApiClient,
  archive: CheckedArchive,
  signer: Signer,
  given: PublishOptions,
): Promise<Published> {
  const bar = progressBar("publish", options.json);
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

async function answerPublished(
  context: ClientContext,
  client: ApiClient,
  archive: CheckedArchive,
  signer: Signer,
  published: Published,
): Promise<void> {
  const { name, version } = archive;
  const { isNew, version: view } = published;
  if (context.options.json === false)
    for (const { message } of view.warnings) context.prompt.note(`Warning: ${message}`);
  if (view.logIndex === null) {
    const text = `${archiveText(archive)}\n${name} ${version} would be published. Nothing was stored.`;
    return context.answer({ ...archiveDocument(archive), published: false, dryRun: true, version: view }, text);
  }
  const { trustOfClient } = await import("./client-trust.ts");
  await requireProved(published, archive, signer, trustOfClient(context, client));
  const verb = isNew ? "published" : "was published before, with the same bytes";
  const document = {
    name,
    version,
    published: isNew,
    unchanged: !isNew,
    sha256: archive.digest,
    logIndex: view.logIndex,
  };
  context.answer(
    { ...document, keyId: signer.keyId, registry: client.address.url, verified: true },
    `${name} ${version} ${verb}, log index ${view.logIndex}.`,
  );
}
