import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import type { VersionView } from "../packages/views.ts";
import { publishStatement } from "../signing/statement.ts";
import { type Check, isGood } from "../verify/checks.ts";
import type { Trust } from "../verify/trust.ts";
import { checkProof } from "../verify/verify-package.ts";
import type { ApiClient } from "./api-client.ts";
import type { CheckedArchive } from "./checked-archive.ts";
import { ClientFault, clientFault } from "./client-fault.ts";
import { isActive, packageKeys } from "./package-keys.ts";
import type { Signer } from "./signer.ts";
import { SIGNING_KEY_SETTING } from "./signing-keys.ts";

/** What the registry answered to a publish. */
export interface Published {
  readonly version: VersionView;
  /** False if the same bytes were published before. */
  readonly isNew: boolean;
  /** The proof that it is in the log; null in a dry run. */
  readonly proof: string | null;
}

/** How to publish. */
export interface PublishWishes {
  readonly dryRun: boolean;
  readonly allowSecrets: boolean;
  /** Called with the bytes that were sent so far. */
  readonly onSent: (bytes: number) => void;
}

/** Signs an archive and sends it. The bytes and the signer are the same in every try. */
export async function sendPublication(
  client: ApiClient,
  archive: CheckedArchive,
  signer: Signer,
  wishes: PublishWishes,
): Promise<Published> {
  const signature = await signer.sign(publishStatement(archive));
  const { head, tail, contentType } = formAround({ signature, publicKey: signer.publicKey, signatureScheme: "cpm-v1" });
  const query = [wishes.dryRun ? "dryRun=true" : "", wishes.allowSecrets ? "allowSecrets=true" : ""].filter(Boolean);
  const { status, body } = await client.request<VersionView & { readonly proof?: string | null }>({
    method: "POST",
    path: `/api/packages${query.length === 0 ? "" : `?${query.join("&")}`}`,
    about: archive,
    isRepeatable: true,
    upload: {
      contentType,
      size: head.length + archive.size + tail.length,
      stream: () => uploadOf(head, archive.path, tail, wishes.onSent),
    },
  });
  return { version: body, isNew: status === 201, proof: body.proof ?? null };
}

/** A form of RFC 7578 up to the archive, and what follows the archive. */
function formAround(fields: Readonly<Record<string, string>>) {
  const boundary = `cpm-${randomUUID()}`;
  const part = (name: string, more = "") =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${part(name)}\r\n${value}\r\n`);
  const file = `${part("archive", '; filename="package.cpm"')}Content-Type: application/gzip\r\n\r\n`;
  return {
    head: Buffer.from(texts.join("") + file),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}

function uploadOf(
  head: Buffer,
  path: string,
  tail: Buffer,
  onSent: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  async function* chunks() {
    yield new Uint8Array(head);
    let sent = 0;
    for await (const chunk of createReadStream(path)) {
      sent += chunk.length;
      yield new Uint8Array(chunk);
      onSent(sent);
    }
    yield new Uint8Array(tail);
  }
  const source = chunks();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}

/**
 * Checks the proof that a publish was answered with. Throws if it does not prove that this archive,
 * signed by this key, is in the registry's log.
 */
export async function requireProved(
  { proof, version }: Published,
  archive: CheckedArchive,
  signer: Signer,
  trust: Trust,
): Promise<readonly Check[]> {
  const readArchive = async () => new Uint8Array(await Bun.file(archive.path).arrayBuffer());
  const checks = await checkProof(proof ?? "", archive, readArchive, trust, true);
  const isSigner = version.signature.publicKey === signer.publicKey;
  const failed = checks.filter(({ result }) => result === "failed");
  if (isGood(checks) && isSigner) return checks;
  const lines = failed.map(({ check, detail, code = "" }) => ({ path: check, message: `${code}: ${detail}` }));
  const signerLine = isSigner
    ? []
    : [{ path: "signer", message: `the registry names the key ${version.signature.keyId}` }];
  const detail = `${archive.name} ${archive.version} is published, but the registry did not prove that it is in its log:\nDo not publish it again. Ask the registry's operator; docs/verifying.md explains the codes.`;
  throw clientFault("failed", "client_not_proved", detail, [...lines, ...signerLine]);
}

/** One difference between the files of two archives. */
export interface FileDifference {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
}

interface ListedFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Compares the files of an archive with those of the published version. Undefined if there is none.
 */
export async function differencesFromPublished(
  client: ApiClient,
  { name, version, inspection }: CheckedArchive,
): Promise<FileDifference[] | undefined> {
  const path = `/api/packages/${encodeURIComponent(name)}/${encodeURIComponent(version)}/files`;
  const published = await client.find<{ readonly items: readonly ListedFile[] }>(path);
  if (published === undefined) return undefined;
  const before = new Map(published.items.map((file) => [file.path, file.sha256]));
  const now = new Map(inspection.files.map((file) => [file.path, file.sha256]));
  const differences: FileDifference[] = [];
  for (const [file, sha256] of now) {
    if (!before.has(file)) differences.push({ path: file, change: "added" });
    else if (before.get(file) !== sha256) differences.push({ path: file, change: "changed" });
  }
  for (const file of before.keys()) if (!now.has(file)) differences.push({ path: file, change: "removed" });
  return differences;
}

/** The failure of a publish whose version has other files already. */
export function versionExists({ name, version }: CheckedArchive, differences: readonly FileDifference[]): ClientFault {
  const detail =
    differences.length === 0
      ? `${name} ${version} is published already, with the same files. Only how they were packed or who signed differs.\nThere is nothing to publish; --if-changed makes that a success.`
      : `${name} ${version} is published already, with other files. A version number is used once.\nRaise version in colony.yaml, then publish again.`;
  const errors = differences.map(({ path, change }) => ({ path, message: `is ${change}` }));
  return new ClientFault("refused", { code: "version_exists", status: 409, detail, errors });
}

/** Adds to a refusal what the user can do about it with this client. */
export async function explainRefusal(
  cause: unknown,
  client: ApiClient,
  archive: CheckedArchive,
  signer: Signer,
): Promise<unknown> {
  if (!(cause instanceof ClientFault)) return cause;
  switch (cause.problem.code) {
    case "version_exists": {
      const differences = await differencesFromPublished(client, archive).catch(() => undefined);
      return differences === undefined ? cause : versionExists(archive, differences);
    }
    case "key_not_trusted":
      return withNextStep(cause, await keyStep(client, archive.name, signer));
    default:
      return cause;
  }
}

function withNextStep({ kind, problem }: ClientFault, step: string): ClientFault {
  return new ClientFault(kind, { ...problem, detail: `${problem.detail}\n${step}` });
}

/** The key is missing on the list of the package, or on that of the account. */
async function keyStep(client: ApiClient, name: string, { publicKey, keyId, name: key }: Signer): Promise<string> {
  const keys = await packageKeys(client, name).catch(() => undefined);
  // A key from the environment has no name that another machine, or another command, knows.
  if (key === SIGNING_KEY_SETTING) return settingStep(name, keyId, keys !== undefined && !isActive(keys, publicKey));
  if (keys === undefined || isActive(keys, publicKey)) {
    return `Register this key to your account: cpm-registry key register --key ${key}`;
  }
  return `If another key of yours may sign it: cpm-registry key add ${key} --package ${name} --key <that key>
Otherwise send an owner the line of: cpm-registry key request --package ${name} --key ${key}`;
}

function settingStep(name: string, keyId: string, isOfOther: boolean): string {
  const command = isOfOther ? `key add <the key> --package ${name}` : "key register --key <the key>";
  return `It is the key of ${SIGNING_KEY_SETTING}, with the id ${keyId}. On your own machine, where you have it:
  cpm-registry ${command}`;
}
