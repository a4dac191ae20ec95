import type { Deps } from "../deps.ts";
import { parseDigest } from "../registry/digest.ts";
import type { PackageName } from "../registry/package-name.ts";
import { publishStatement, type SignatureScheme } from "../signing/statement.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { loadPackage, loadVersion } from "./queries.ts";

/** What anybody needs to verify a version by themselves: `openssl pkeyutl -verify -rawin` takes these. */
export interface SignatureView {
  readonly scheme: SignatureScheme;
  readonly keyId: string;
  /** Lower-case hex. */
  readonly publicKey: string;
  /** Base64. */
  readonly signature: string;
  /** The signed bytes of `cpm-v1`; null for the legacy schemes, which sign the archive or its digest. */
  readonly statement: string | null;
}

/** Reads the signature of a version. Throws `package_not_found` or `version_not_found`. */
export async function readSignature(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  asked: string | null,
): Promise<SignatureView> {
  const { row } = await db.read(async (session) => loadVersion(session, await loadPackage(session, name), asked));
  const digest = parseDigest(row.sha256);
  if (digest === undefined) throw new Error("A stored digest is not a digest");
  const { signatureScheme: scheme, publicKey, signature, version, size } = row;
  const statement = scheme === "cpm-v1" ? publishStatement({ name, version, digest, size }) : null;
  return { scheme, keyId: keyIdOf(publicKey), publicKey, signature, statement };
}
