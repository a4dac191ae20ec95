import { readFile } from "node:fs/promises";
import { eq } from "drizzle-orm";
import { type Inspection, inspectContents, readStructure, type Structure } from "../archive/inspect.ts";
import type { SecretKind } from "../archive/secret-patterns.ts";
import type { ReceivedFile } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type Fault, failure } from "../errors.ts";
import { longManifestBytes } from "../packages/records.ts";
import { SizeClassSemaphores } from "../runtime/semaphore.ts";
import { cacheCheckedKey, isCachedKey } from "../signing/ed25519.ts";
import { decodeStrictly, toHex } from "../signing/encoding.ts";
import { type VerifiedSignature, verifyArchiveSignature } from "../signing/verify-archive.ts";
import type { PublishTimer } from "./measure.ts";
import { metadataFaults } from "./metadata.ts";
import type { Publication } from "./publication.ts";

/**
 * Inspecting is work for one thread and leaves garbage: two large archives at once take longer, and
 * more memory.
 */
const inspections = new SizeClassSemaphores({
  largeConcurrency: 1,
  smallConcurrency: 4,
  waitingMax: 1_000,
  name: "inspection",
});

/** A publication whose archive was inspected and whose signature is valid. */
export interface VerifiedPublication extends Publication {
  readonly inspection: Inspection;
  readonly verified: VerifiedSignature;
  readonly longManifestBytes: number;
}

/**
 * Throws `validation_failed` where the form states another name or version than `colony.yaml`. The
 * legacy schemes sign the archive alone. They are safe against replay under another name only
 * because name and version always come from the signed `colony.yaml`, and everything else that
 * states them must agree.
 */
function requireAgreement({ statedName, statedVersion, metadata }: Publication, { manifest }: Structure): void {
  const faults = metadataFaults(metadata, manifest);
  if (statedName !== undefined && statedName !== manifest.name) {
    faults.push({ path: "/name", message: `is not the name in colony.yaml, ${manifest.name}` });
  }
  if (statedVersion !== undefined && statedVersion !== manifest.version.text) {
    faults.push({ path: "/version", message: `is not the version in colony.yaml, ${manifest.version.text}` });
  }
  if (faults.length > 0) throw failure({ code: "validation_failed", faults });
}

function chooseKey(fromForm: string | undefined, fromManifest: string | undefined): string {
  const chosen = fromForm ?? fromManifest;
  if (chosen === undefined) {
    const message = "is missing: send the field, or name the key in colony.yaml";
    throw failure({ code: "validation_failed", faults: [{ path: "/publicKey", message }] });
  }
  if (fromForm === undefined || fromManifest === undefined || fromForm === fromManifest) return chosen;
  const [form, manifest] = [decodeStrictly(fromForm, 32), decodeStrictly(fromManifest, 32)];
  if (form !== undefined && manifest !== undefined && Buffer.from(form).equals(manifest)) return chosen;
  const message = "is not the publicKey in colony.yaml";
  throw failure({ code: "signature_invalid", faults: [{ path: "/publicKey", message }] });
}

/**
 * Marks a key as checked if some account has it: it was checked before the account got it. After a
 * restart the check, a millisecond of work, is then not repeated.
 */
async function recallKey(db: Database, keyText: string): Promise<void> {
  const bytes = decodeStrictly(keyText, 32);
  if (bytes === undefined || isCachedKey(bytes)) return;
  const [known] = await db.read(({ query, tables: { accountKeys } }) =>
    query
      .select({ id: accountKeys.id })
      .from(accountKeys)
      .where(eq(accountKeys.publicKey, toHex(bytes)))
      .limit(1),
  );
  if (known !== undefined) cacheCheckedKey(bytes);
}

const SECRET_WORDS: Readonly<Record<SecretKind, string>> = {
  private_key: "a private key",
  api_token: "an API token of a registry",
  aws_access_key: "a secret access key of AWS",
  azure_storage_key: "an account key of Azure Storage",
  digitalocean_token: "a token of DigitalOcean",
  github_token: "a token of GitHub",
  gitlab_token: "a token of GitLab",
  google_api_key: "an API key of Google",
  npm_token: "a token of npm",
  slack_token: "a token of Slack",
  stripe_key: "a secret key of Stripe",
};

/**
 * Throws `secrets_found` with the place of each secret. It never repeats a secret, which would end
 * up in the logs of the publisher's CI.
 */
function requireNoSecrets({ secrets, secretsLeftOut }: Inspection): void {
  if (secrets.length === 0) return;
  const faults: Fault[] = secrets.map(({ path, line, kind }) => ({
    path,
    code: kind,
    message: `line ${line} holds what looks like ${SECRET_WORDS[kind]}`,
  }));
  if (secretsLeftOut > 0) faults.push({ path: "", message: `and ${secretsLeftOut} more` });
  throw failure({ code: "secrets_found", faults });
}

/** The bytes of a received archive. They belong to the reader. */
async function* contentsOf({ path, bytes }: ReceivedFile): AsyncGenerator<Uint8Array> {
  if (bytes === undefined) yield* Bun.file(path).stream();
  else yield bytes.slice();
}

/**
 * Verifies a received archive. Before the signature was checked, only the manifest is read:
 * searching all files costs time, and nobody gets it for bytes that no key signed. Throws
 * `archive_rejected`, `validation_failed`, `signature_invalid`, `secrets_found`, or `busy`.
 */
export async function verifyPublication(
  { db, config: { archiveLimits }, timer }: Pick<Deps, "db" | "config"> & { readonly timer: PublishTimer },
  publication: Publication,
): Promise<VerifiedPublication> {
  const { received, signature, scheme } = publication;
  const { digest, size } = received;
  const structure = await timer.run("inspect", () =>
    inspections.run(size, () => readStructure(contentsOf(received), archiveLimits)),
  );
  requireAgreement(publication, structure);
  const { manifest } = structure;
  // A field that a template leaves empty names no key, in the form as in colony.yaml.
  const publicKey = chooseKey(publication.publicKey, manifest.publicKey?.trim() || undefined);
  await recallKey(db, publicKey);
  const signed = { name: manifest.name, version: manifest.version.text, digest, size };
  const read = () => readFile(received.path);
  const { verified, inspection } = await inspections.run(size, async () => ({
    verified: await timer.run("verify", () => verifyArchiveSignature({ signature, publicKey, scheme }, signed, read)),
    inspection: await timer.run("inspect", () => inspectContents(structure, () => contentsOf(received), archiveLimits)),
  }));
  if (!publication.allowSecrets) requireNoSecrets(inspection);
  return { ...publication, inspection, verified, longManifestBytes: longManifestBytes(inspection) };
}
