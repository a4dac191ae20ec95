import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { publishStatement, type SignatureScheme } from "../signing/statement.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { digestOf, loadNamedVersion } from "./find-version.ts";

/**
 * What anyone needs to verify a version themselves: `openssl pkeyutl -verify -rawin` takes these.
 */
export interface SignatureView {
  readonly scheme: SignatureScheme;
  readonly keyId: string;
  /** Lower-case hex. */
  readonly publicKey: string;
  /** Base64. */
  readonly signature: string;
  /**
   * The bytes that `cpm-v1` signs; null for the legacy schemes, which sign the archive or its
   * digest.
   */
  readonly statement: string | null;
}

/** Reads the signature of a version. Throws `package_not_found` or `version_not_found`. */
export async function readSignature(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
): Promise<SignatureView> {
  const { row } = await db.read((session) => loadNamedVersion(session, name, asked));
  const { signatureScheme: scheme, publicKey, signature, version, size } = row;
  const statement = scheme === "cpm-v1" ? publishStatement({ name, version, digest: digestOf(row), size }) : null;
  return { scheme, keyId: keyIdOf(publicKey), publicKey, signature, statement };
}
