import { clientFault } from "../client/client-fault.ts";
import { textIfThere } from "../client/home.ts";
import { keyTextOf, privateKeyPem, readPrivateKey } from "../client/key-file.ts";
import { packageKeys } from "../client/package-keys.ts";
import { DEFAULT_KEY_NAME, findSigner } from "../client/signing-keys.ts";
import { generateKey, nextName, type StoredKey, storedKeys, writeKeyFile } from "../client/stored-keys.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext, rowsText } from "./client-context.ts";
import { KEEP_A_COPY, keySources, newPassphrase } from "./signer.ts";
import { UsageError } from "./usage.ts";

type LocalOptions = Pick<ClientOptions, "json" | "yes">;

/** Makes a signing key. */
export async function keyGenerate(
  given: LocalOptions & { readonly "no-passphrase": boolean },
  name = DEFAULT_KEY_NAME,
) {
  const context = clientContext({ json: given.json, yes: given.yes });
  const { home, prompt } = context;
  const text = "Passphrase for the key (empty for none)";
  const passphrase = given["no-passphrase"] ? "" : await newPassphrase(context, text);
  const signer = await generateKey(home.keysDirectory, name, passphrase);
  const path = `${home.keysDirectory}/${name}.pem`;
  context.answer(
    { name, keyId: signer.keyId, publicKey: signer.publicKey, path },
    `Key ${signer.keyId} is in ${path}.`,
  );
  prompt.note(KEEP_A_COPY);
  return 0;
}

/** Lists the keys on this machine, or those of a package. */
export async function keyList(
  given: Partial<ClientOptions> & { readonly package: string | undefined },
): Promise<number> {
  const context = clientContext(given);
  const stored = await storedKeys(context.home.keysDirectory);
  if (given.package !== undefined) return listPackageKeys(context, given.package, stored);
  const unfinished = stored.find(({ name }) => stored.some((next) => next.name === nextName(name)));
  const rows = stored.map(({ name, keyId, isEncrypted }) => [name, keyId, isEncrypted ? "passphrase" : "none"]);
  context.answer(
    {
      keys: stored.map(({ name, keyId, publicKey, isEncrypted, path }) => ({
        name,
        keyId,
        publicKey,
        path,
        isEncrypted,
      })),
    },
    rows.length === 0 ? "" : rowsText(context, ["NAME", "KEY ID", "PROTECTED BY"], rows),
  );
  if (unfinished !== undefined) {
    const { name } = unfinished;
    context.prompt.note(
      `${nextName(name)} is of a rotation that was interrupted. To end it: cpm-registry key rotate ${name}`,
    );
  }
  if (rows.length === 0) context.prompt.note("There is no key here. Make one: cpm-registry key generate");
  return 0;
}

async function listPackageKeys(context: ClientContext, name: string, stored: readonly StoredKey[]): Promise<number> {
  const { keys } = await packageKeys(await apiClient(context), name);
  const here = (publicKey: string) => stored.find((key) => key.publicKey === publicKey)?.name ?? "";
  const rows = keys.map(({ keyId, status, addedAt, publicKey }) => [
    keyId,
    status,
    addedAt.slice(0, 10),
    here(publicKey),
  ]);
  context.answer({ package: name, keys }, rowsText(context, ["KEY ID", "STATUS", "ADDED", "HERE AS"], rows));
  return 0;
}

/** Prints the public half of a key. */
export async function keyShow(given: LocalOptions, name: string | undefined): Promise<number> {
  const context = clientContext({ json: given.json, yes: given.yes });
  const stored = await storedKeys(context.home.keysDirectory);
  const wanted = name ?? DEFAULT_KEY_NAME;
  const key =
    stored.find((each) => each.name === wanted) ?? (name === undefined && stored.length === 1 ? stored[0] : undefined);
  // A key from elsewhere may ask for its passphrase.
  const { publicKey, keyId } = key ?? (await requireSigner(context, name));
  context.answer({ name: key?.name ?? wanted, keyId, publicKey }, publicKey);
  return 0;
}

/** Finds the key to sign with. Throws if there is none. */
export async function requireSigner(context: ClientContext, given: string | undefined) {
  const signer = await findSigner(keySources(context), given);
  if (signer !== undefined) return signer;
  throw clientFault(
    "usage",
    "client_key_missing",
    "There is no signing key here.\nMake one: cpm-registry key generate",
  );
}

/** Writes a copy of a key, encrypted with a passphrase. */
export async function keyBackup(
  given: LocalOptions & { readonly out: string },
  name = DEFAULT_KEY_NAME,
): Promise<number> {
  const context = clientContext({ json: given.json, yes: given.yes });
  const stored = (await storedKeys(context.home.keysDirectory)).find((key) => key.name === name);
  if (stored === undefined)
    throw new UsageError(`There is no key '${name}' to copy. cpm-registry key list shows your keys.`);
  const text = (await textIfThere(stored.path)) ?? "";
  await writeKeyFile(given.out, keyTextOf(text) === "encrypted" ? text : await encrypted(context, text, name), 0o600);
  context.answer(
    { name, keyId: stored.keyId, out: given.out },
    `Key ${name} is copied to ${given.out}, encrypted with its passphrase.\nTo use the copy: cpm-registry publish --key ${given.out}`,
  );
  return 0;
}

async function encrypted(context: ClientContext, text: string, name: string): Promise<string> {
  const key = readPrivateKey(text);
  if (key === undefined)
    throw clientFault("failed", "client_key_unreadable", `Key ${name} is damaged and cannot be copied.`);
  const passphrase = await newPassphrase(context, "Passphrase for the copy");
  if (passphrase === "") throw new UsageError("A copy needs a passphrase: it leaves this machine.");
  return privateKeyPem(key, passphrase);
}
