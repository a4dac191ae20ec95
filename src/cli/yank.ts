import type { ApiClient } from "../client/api-client.ts";
import { clientFault } from "../client/client-fault.ts";
import { getDocument } from "../client/document-shape.ts";
import {
  type PackageSpec,
  packagePath,
  packageSpecText,
  parsePackageSpec,
  versionPath,
} from "../client/package-spec.ts";
import { PACKAGE, type PackageDocument, VERSION, type VersionDocument } from "../client/registry-documents.ts";
import { isReplacement } from "../domain/replacement.ts";
import { parseVersion } from "../domain/version.ts";
import { YANK_REASONS } from "../packages/yank-reasons.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { confirm } from "./confirm.ts";
import { suggestingNames } from "./name-hint.ts";
import { UsageError } from "./usage.ts";

/** What users are told. */
interface Notice extends Partial<ClientOptions> {
  readonly message: string | undefined;
  readonly replacement: string | undefined;
}

/** Options of `yank`. */
export interface YankOptions extends Notice {
  readonly reason: string | undefined;
}

/** Yanks a version: it is not found or chosen any more, and stays downloadable. */
export async function yank(given: YankOptions, text: string): Promise<number> {
  const { reason, message, replacement } = given;
  if (reason !== undefined && !YANK_REASONS.some((known) => known === reason))
    throw new UsageError(`--reason must be ${YANK_REASONS.join(", ")}, not '${reason}'.`);
  const { context, client, spec, named } = await begin(given, text);
  await checkReplacement(context, client, spec.name, replacement);
  await confirm(context, `Yank ${named} at ${client.address.url}? Nobody finds it any more; it stays downloadable.`);
  const wish = { reason, message, replacement };
  const version = await repeatably<VersionDocument>(client, "DELETE", versionPath(spec), wish);
  context.answer(version, `${named} is yanked. To take that back: cpm-registry unyank ${named}`);
  return 0;
}

/** Takes a yank back. */
export async function unyank(given: Partial<ClientOptions>, text: string): Promise<number> {
  const { context, client, spec, named, found } = await begin(given, text);
  if (!found.yanked) {
    context.answer(found, `${named} was not yanked. Nothing was changed.`);
    return 0;
  }
  await confirm(context, `Let ${named} be found at ${client.address.url} again?`);
  const version = await repeatably<VersionDocument>(client, "POST", versionPath(spec));
  context.answer(version, `${named} is not yanked any more.`);
  return 0;
}

interface Begun {
  readonly context: ClientContext;
  readonly client: ApiClient;
  readonly spec: PackageSpec;
  readonly named: string;
  readonly found: VersionDocument;
}

/** `latest` is another version tomorrow, so these commands want a number. */
async function begin(given: Partial<ClientOptions>, text: string): Promise<Begun> {
  const spec = parsePackageSpec(text);
  if (spec.version === undefined || spec.version === "latest") {
    const detail = `Name the version: ${spec.name}@<version>. To see them: cpm-registry info ${spec.name} --versions`;
    throw clientFault("usage", "client_package_invalid", detail);
  }
  const context = clientContext(given);
  const client = await apiClient(context);
  // Before anybody confirms a change that cannot be made.
  const found = await suggestingNames(client, spec.name, () =>
    getDocument<VersionDocument>(client, versionPath(spec), VERSION),
  );
  return { context, client, spec, named: packageSpecText(spec), found };
}

type Status = "active" | "deprecated" | "archived";

const STATUS_TEXTS: Readonly<Record<Status, { readonly question: string; readonly done: string }>> = {
  deprecated: { question: "Tell its users not to use it any more?", done: "is deprecated" },
  archived: { question: "Take no new versions any more?", done: "is archived and takes no new versions" },
  active: { question: "Take back that it is deprecated or archived?", done: "is active" },
};

/** Sets whether a package is maintained. */
export async function setStatus(status: Status, given: Partial<Notice>, text: string): Promise<number> {
  const spec = parsePackageSpec(text);
  if (spec.version !== undefined) {
    const detail = `This is about a package, not about a version: ${spec.name}. For one version: cpm-registry yank ${text}`;
    throw clientFault("usage", "client_package_invalid", detail);
  }
  const { message, replacement } = given;
  const { question, done } = STATUS_TEXTS[status];
  const context = clientContext(given);
  const client = await apiClient(context);
  await suggestingNames(client, spec.name, () => getDocument(client, packagePath(spec.name), PACKAGE));
  await checkReplacement(context, client, spec.name, replacement);
  await confirm(context, `${spec.name} at ${client.address.url}: ${question}`);
  const path = `${packagePath(spec.name)}/status`;
  const changed = await repeatably<PackageDocument>(client, "PUT", path, { status, message, replacement });
  context.answer(changed, `${spec.name} ${done}.`);
  return 0;
}

/**
 * Throws if the registry would refuse a replacement, before anybody confirms the change. A version
 * may come later.
 */
async function checkReplacement(
  context: ClientContext,
  client: ApiClient,
  name: string,
  replacement: string | undefined,
) {
  if (replacement === undefined || !isReplacement(replacement)) return;
  const isVersion = !replacement.includes("@") && parseVersion(replacement) !== undefined;
  const spec = isVersion ? { name, version: replacement } : parsePackageSpec(replacement);
  if (!isVersion) await suggestingNames(client, spec.name, () => getDocument(client, packagePath(spec.name), PACKAGE));
  if (spec.version === undefined || (await client.find(versionPath(spec))) !== undefined) return;
  context.prompt.note(`Warning: there is no ${packageSpecText(spec)} at ${client.address.url}.`);
}

/** These requests have the same effect once and twice, so they may be sent again. */
async function repeatably<T>(client: ApiClient, method: "PUT" | "POST" | "DELETE", path: string, json?: object) {
  return (await client.request<T>({ method, path, json, isRepeatable: true })).body;
}
