import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { keyIdOf } from "../signing/verify-archive.ts";
import { clientFault } from "./client-fault.ts";
import { textIfThere } from "./home.ts";
import { keyTextOf, privateKeyPem, publicHexOf, readPrivateKey } from "./key-file.ts";
import { type Signer, signerOf } from "./signer.ts";

const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

/** A key in `CPM_HOME`. */
export interface StoredKey {
  readonly name: string;
  readonly path: string;
  readonly publicKey: string;
  readonly keyId: string;
  readonly isEncrypted: boolean;
}

/** Returns whether a text may be the name of a stored key. */
export function isKeyName(text: string): boolean {
  return KEY_NAME.test(text);
}

/** The name of the key that takes the place of another, while `key rotate` has not ended. */
export function nextName(name: string): string {
  return `${name}-next`;
}

/** Lists the keys in `CPM_HOME`, by name. */
export async function storedKeys(keysDirectory: string): Promise<StoredKey[]> {
  const names = await readdir(keysDirectory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw cause;
  });
  const keys = names
    .filter((file) => file.endsWith(".pem"))
    .sort()
    .map((file) => storedKey(keysDirectory, file.slice(0, -".pem".length)));
  return (await Promise.all(keys)).filter((key) => key !== undefined);
}

/** The public half is beside the private one, so that a list needs no passphrase. */
async function storedKey(keysDirectory: string, name: string): Promise<StoredKey | undefined> {
  const path = join(keysDirectory, `${name}.pem`);
  const text = (await textIfThere(path)) ?? "";
  const isEncrypted = keyTextOf(text) === "encrypted";
  const plain = isEncrypted ? undefined : readPrivateKey(text);
  const publicKey = plain === undefined ? (await textIfThere(publicPath(path)))?.trim() : publicHexOf(plain);
  if (publicKey === undefined || !/^[0-9a-f]{64}$/.test(publicKey)) return undefined;
  return { name, path, publicKey, keyId: keyIdOf(publicKey), isEncrypted };
}

function publicPath(path: string): string {
  return path.replace(/\.pem$/, ".pub");
}

/** Makes a key and stores it. Throws if there is one of this name: it is never overwritten. */
export async function generateKey(keysDirectory: string, name: string, passphrase: string): Promise<Signer> {
  if (!isKeyName(name)) {
    throw clientFault(
      "usage",
      "client_key_name",
      `'${name}' is not a valid name for a key: use letters, digits, . _ @ and -.`,
    );
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  const path = join(keysDirectory, `${name}.pem`);
  await writeKeyFile(path, privateKeyPem(privateKey, passphrase), 0o600);
  await rm(publicPath(path), { force: true });
  await writeKeyFile(publicPath(path), `${publicHexOf(privateKey)}\n`, 0o644);
  return signerOf(privateKey, name);
}

/** Writes a new file durably. Throws if it exists. */
export async function writeKeyFile(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(path, mode);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    const detail = `${path} exists already, and keys are never overwritten. Choose another name.`;
    throw clientFault("refused", "client_key_exists", detail);
  }
}
