import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ClientSettings } from "../config/client-settings.ts";
import { clientFault } from "./client-fault.ts";
import { textIfThere } from "./home.ts";
import { keyTextOf, readPrivateKey } from "./key-file.ts";
import type { Prompt } from "./prompt.ts";
import { type Signer, signerOf } from "./signer.ts";
import { isKeyName, storedKeys } from "./stored-keys.ts";

/** The key that commands use when several are there and none is named. */
export const DEFAULT_KEY_NAME = "default";
/** The setting with a key, which is also the name that messages give to that key. */
export const SIGNING_KEY_SETTING = "CPM_SIGNING_KEY";
/** A small file is enough for every form of a key. */
const KEY_FILE_MAX_BYTES = 64 * 1024;
const OTHERS = 0o077;
const PASSPHRASE_TRIES = 3;

/** What finding a key needs. */
export interface KeySources {
  readonly keysDirectory: string;
  readonly settings: Pick<ClientSettings, "signingKey" | "passphrase" | "sshAgentSocket">;
  readonly prompt: Prompt;
}

/**
 * Finds the key to sign with: `--key`, then `CPM_SIGNING_KEY`, then the key `default`, then the
 * only key there is. Undefined if there is none at all.
 */
export async function findSigner(sources: KeySources, given: string | undefined): Promise<Signer | undefined> {
  const { settings, keysDirectory } = sources;
  if (given?.startsWith("agent:") === true) {
    const { agentSigner } = await import("./ssh-agent.ts");
    return agentSigner(settings.sshAgentSocket, given.slice("agent:".length));
  }
  if (given !== undefined) return namedSigner(sources, given);
  if (settings.signingKey !== undefined) return signerFromSetting(sources, settings.signingKey.reveal());
  const keys = await storedKeys(keysDirectory);
  const chosen = keys.find(({ name }) => name === DEFAULT_KEY_NAME) ?? (keys.length === 1 ? keys[0] : undefined);
  if (chosen !== undefined) return signerFromFile(sources, chosen.path, chosen.name);
  if (keys.length === 0) return undefined;
  const names = keys.map(({ name }) => name).join(", ");
  throw clientFault("usage", "client_key_ambiguous", `There are several keys: ${names}. Name one with --key <name>.`);
}

async function namedSigner(sources: KeySources, given: string): Promise<Signer> {
  const stored = join(sources.keysDirectory, `${given}.pem`);
  if (isKeyName(given) && (await textIfThere(stored)) !== undefined) return signerFromFile(sources, stored, given);
  const names = (await storedKeys(sources.keysDirectory)).map(({ name }) => name);
  const known = names.length === 0 ? "" : ` Your keys: ${names.join(", ")}.`;
  const missing = `There is no key '${given}', and no file of this name.${known} Make one: cpm-registry key generate`;
  return signerFromFile(sources, given, given, missing);
}

/** The setting is the text of a key, or the path of a file with it. */
function signerFromSetting(sources: KeySources, value: string): Promise<Signer> {
  if (keyTextOf(value) !== "unknown") return signerFromText(sources, value, SIGNING_KEY_SETTING);
  const missing = "CPM_SIGNING_KEY is neither a key in PEM or hex nor the path of one.";
  return signerFromFile(sources, value.trim(), SIGNING_KEY_SETTING, missing);
}

async function signerFromFile(sources: KeySources, path: string, name: string, missing?: string): Promise<Signer> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size > KEY_FILE_MAX_BYTES) {
    throw clientFault(
      "usage",
      "client_key_missing",
      missing ?? `${path} is not a file with a key. Give the path of one, or a name of: cpm-registry key list`,
    );
  }
  if (process.platform !== "win32" && (found.mode & OTHERS) !== 0) {
    sources.prompt.note(`Others on this machine can read ${path}. Run: chmod 600 ${path}`);
  }
  return signerFromText(sources, (await textIfThere(path)) ?? "", name);
}

async function signerFromText({ settings, prompt }: KeySources, text: string, name: string): Promise<Signer> {
  const kind = keyTextOf(text);
  if (kind === "unknown") {
    const detail = `${name} holds no private key in PEM (PKCS#8) or hex. An OpenSSH key is used through its agent: --key agent:<comment>`;
    throw clientFault("usage", "client_key_unreadable", detail);
  }
  if (kind === "encrypted") return encryptedSigner({ settings, prompt }, text, name);
  const key = readPrivateKey(text);
  if (key !== undefined) return signerOf(key, name);
  throw unusable(name, "It is not an Ed25519 key, or is damaged");
}

/** A wrong passphrase is asked for again at a terminal. */
async function encryptedSigner(
  { settings, prompt }: Pick<KeySources, "settings" | "prompt">,
  text: string,
  name: string,
): Promise<Signer> {
  const asked = { text: `Passphrase of key ${name}`, flag: "CPM_SIGNING_KEY_PASSPHRASE in the environment" };
  const given = settings.passphrase?.reveal();
  for (let tried = 1; ; tried += 1) {
    const key = readPrivateKey(text, given ?? (await prompt.askSecret(asked)));
    if (key !== undefined) return signerOf(key, name);
    if (given !== undefined || tried === PASSPHRASE_TRIES)
      throw unusable(name, "The passphrase is wrong, or the key is damaged");
    prompt.note("That is not the passphrase. Type it again.");
  }
}

function unusable(name: string, why: string) {
  return clientFault("denied", "client_key_unreadable", `Key ${name} cannot be used. ${why}.`);
}
