import { randomFillSync } from "node:crypto";
import { goStyleArchive, manifestOf } from "../../test/support/archive-maker.ts";
import { type Client, makeKey, type SigningKey, sha256, signMessage, statementOf } from "../../test/support/client.ts";

export const VERSION = "1.0.0";

/**
 * Returns a valid package of about this size. Its content does not compress, so the level does not
 * matter.
 */
export function archiveOf(name: string, bytes: number, version = VERSION): Uint8Array {
  return goStyleArchive(
    {
      "README.md": `# ${name}\n`,
      "colony.yaml": manifestOf({ name, version }),
      "files/data.bin": randomFillSync(new Uint8Array(bytes)),
    },
    { level: 0 },
  );
}

/** A signed archive that is not published yet. */
export interface SignedArchive {
  readonly name: string;
  readonly digest: string;
  readonly signature: string;
  readonly publicKey: string;
}

/** The key of every package that benches publish. */
const key: SigningKey = makeKey();

export function signed(name: string, archive: Uint8Array, version = VERSION): SignedArchive {
  const signature = signMessage(key, statementOf(name, version, archive));
  return { name, digest: sha256(archive), signature, publicKey: key.publicHex };
}

/** Publishes an archive from memory. Throws unless the answer is 201. */
export async function publishArchive(
  client: Client,
  name: string,
  archive: Uint8Array,
  version = VERSION,
): Promise<void> {
  const { status, text } = await client.publish(name, version, archive, key);
  if (status !== 201) throw new Error(`Publishing ${name} answered ${status}: ${text}`);
}

export function downloadPath(name: string, version = VERSION): string {
  return `/api/packages/${name}/${version}/download`;
}
