import type { ApiClient } from "../client/api-client.ts";
import { each, getDocument, members, optional } from "../client/document-shape.ts";
import { type PackageSpec, packagePath, parsePackageSpec, versionPath } from "../client/package-spec.ts";
import { packageVersions } from "../client/package-versions.ts";
import { PACKAGE, type PackageDocument, VERSION, type VersionDocument } from "../client/registry-documents.ts";
import type { Highlights } from "../runtime/print.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { infoText } from "./info-text.ts";
import { suggestingNames } from "./name-hint.ts";
import { bytesText } from "./table.ts";
import { UsageError } from "./usage.ts";
import { agedSpec } from "./version-choice.ts";

/** Options of `info`: at most one of the views. */
export interface InfoOptions extends Partial<ClientOptions> {
  readonly versions: boolean;
  readonly files: boolean;
  readonly readme: boolean;
  readonly values: boolean;
  readonly keys: boolean;
  readonly events: boolean;
  readonly "minimum-age": string | undefined;
}

const OBJECTIONS: Highlights = [[/^! .*$/gm, "red"]];
const STATES: Highlights = [
  [/(?<= )(?:quarantined|taken down \(\w+\)|yanked(?: \(\w+\))?|key compromised)(?= )/g, "red"],
];

/** Prints one view of a package. */
type View = (context: ClientContext, client: ApiClient, spec: PackageSpec) => Promise<void>;

const VIEWS: Readonly<Record<string, View>> = {
  versions: showVersions,
  files: showFiles,
  readme: (context, client, spec) => showText(context, client, spec, "readme"),
  values: (context, client, spec) => showText(context, client, spec, "values"),
  keys: showKeys,
  events: showEvents,
};

/** Prints what a registry has of a package or a version. */
export async function info(given: InfoOptions, text: string): Promise<number> {
  const views = Object.entries(given).filter(([name, value]) => Object.hasOwn(VIEWS, name) && value === true);
  if (views.length > 1) throw new UsageError(`Ask for one view: ${views.map(([name]) => `--${name}`).join(" or ")}.`);
  const spec = parsePackageSpec(text);
  const context = clientContext(given);
  const client = await apiClient(context);
  const show = VIEWS[views[0]?.[0] ?? ""] ?? showOverview;
  const wish = { minimumAge: given["minimum-age"], isRequired: false };
  await suggestingNames(client, spec.name, async () => {
    const isAboutVersion = !["versions", "keys", "events"].includes(views[0]?.[0] ?? "");
    await show(context, client, isAboutVersion ? await agedSpec(context, client, spec, wish) : spec);
  });
  return 0;
}

async function showOverview(context: ClientContext, client: ApiClient, spec: PackageSpec): Promise<void> {
  const found = await getDocument<PackageDocument>(client, packagePath(spec.name), PACKAGE);
  const asksVersion = spec.version !== undefined || found.latest !== null;
  const version = asksVersion ? await getDocument<VersionDocument>(client, versionPath(spec), VERSION) : undefined;
  context.answer({ package: found, version: version ?? null }, infoText(found, version), OBJECTIONS);
}

async function showVersions(context: ClientContext, client: ApiClient, { name }: PackageSpec): Promise<void> {
  const versions = await packageVersions(client, name);
  const rows = versions.map((version) => [
    version.version,
    version.publishedAt.slice(0, 10),
    bytesText(version.size),
    stateOf(version),
    version.sha256,
  ]);
  context.answer(
    { name, versions },
    rowsText(context, ["VERSION", "PUBLISHED", "SIZE", "STATE", "SHA256"], rows),
    STATES,
  );
}

function stateOf({ quarantine, takedown = null, yanked, yankReason, signature }: VersionDocument): string {
  if (takedown !== null) return `taken down (${takedown.reason})`;
  if (quarantine !== null) return "quarantined";
  if (yanked) return yankReason === null ? "yanked" : `yanked (${yankReason})`;
  return signature.compromised ? "key compromised" : "ok";
}

interface FileList {
  readonly items: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

const FILES = members({ items: each(members({ path: "string", size: "number", sha256: "string" })) });

async function showFiles(context: ClientContext, client: ApiClient, spec: PackageSpec): Promise<void> {
  const list = await getDocument<FileList>(client, `${versionPath(spec)}/files`, FILES);
  const rows = list.items.map(({ path, size, sha256 }) => [path, String(size), sha256]);
  context.answer(list, rowsText(context, ["FILE", "BYTES", "SHA256"], rows));
}

async function showText(context: ClientContext, client: ApiClient, spec: PackageSpec, part: "readme" | "values") {
  const text = await client.text(`${versionPath(spec)}/${part}`);
  context.answer({ [part]: text }, text.replace(/\r\n/g, "\n").replace(/\n$/, ""));
}

interface PackageKeys {
  readonly keys: readonly {
    readonly keyId: string;
    readonly publicKey: string;
    readonly status: string;
    readonly addedAt: string;
    readonly compromisedSince: string | null;
  }[];
  readonly reset: { readonly publicKey: string; readonly requestedBy: string; readonly effectiveAt: string } | null;
}

const KEYS = members({
  keys: each(members({ keyId: "string", publicKey: "string", status: "string", addedAt: "string" })),
  reset: optional(members({ publicKey: "string", requestedBy: "string", effectiveAt: "string" })),
});

async function showKeys(context: ClientContext, client: ApiClient, { name }: PackageSpec): Promise<void> {
  const found = await getDocument<PackageKeys>(client, `${packagePath(name)}/keys`, KEYS);
  const rows = found.keys.map(({ keyId, status, addedAt, publicKey }) => [
    keyId,
    status,
    addedAt.slice(0, 10),
    publicKey,
  ]);
  context.answer(found, rowsText(context, ["KEY", "STATUS", "ADDED", "PUBLIC KEY"], rows));
  if (found.reset === null || found.reset === undefined) return;
  const { publicKey, requestedBy, effectiveAt } = found.reset;
  context.prompt.note(`${requestedBy} asked to reset the keys to ${publicKey}. It takes effect on ${effectiveAt}.`);
}

interface EventPage {
  readonly items: readonly {
    readonly at: string;
    readonly kind: string;
    readonly user: string | null;
    readonly version: string | null;
  }[];
}

const EVENTS = members({
  items: each(members({ at: "string", kind: "string", user: optional("string"), version: optional("string") })),
});

async function showEvents(context: ClientContext, client: ApiClient, { name }: PackageSpec): Promise<void> {
  const page = await getDocument<EventPage>(client, `${packagePath(name)}/events?limit=1000`, EVENTS);
  const rows = page.items.map(({ at, kind, version, user }) => [at, kind, version ?? "", user ?? ""]);
  context.answer(page, rowsText(context, ["WHEN", "WHAT", "VERSION", "WHO"], rows));
}
