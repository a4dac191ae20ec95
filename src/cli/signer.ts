import { clientFault } from "../client/client-fault.ts";
import type { Signer } from "../client/signer.ts";
import { DEFAULT_KEY_NAME, findSigner, type KeySources } from "../client/signing-keys.ts";
import { generateKey } from "../client/stored-keys.ts";
import type { ClientContext } from "./client-context.ts";

const PASSPHRASE_MIN_CHARS = 8;

/** What finding a key needs, from the context of a command. */
export function keySources({ home, settings, prompt }: ClientContext): KeySources {
  return { keysDirectory: home.keysDirectory, settings, prompt };
}

/** Finds the key to sign with, or makes the user's first one. `command` is what needs it. */
export async function signerOrFirst(
  context: ClientContext,
  given: string | undefined,
  command: string,
): Promise<Signer> {
  const found = await findSigner(keySources(context), given);
  if (found !== undefined) return found;
  const { prompt, home } = context;
  if (!prompt.isInteractive) {
    const detail = `There is no signing key here.
Make one: cpm-registry key generate
Then run this again: cpm-registry ${command}. In CI, set CPM_SIGNING_KEY.`;
    throw clientFault("usage", "client_key_missing", detail);
  }
  prompt.note("You have no signing key yet. Every version is signed; making your key now.");
  const passphrase = await newPassphrase(context, `A passphrase protects the key on this disk (empty for none)`);
  const signer = await generateKey(home.keysDirectory, DEFAULT_KEY_NAME, passphrase);
  prompt.note(`Key ${signer.keyId} is in ${home.keysDirectory}/${DEFAULT_KEY_NAME}.pem.\n${KEEP_A_COPY}`);
  return signer;
}

/** What everybody who has a key must know. */
export const KEEP_A_COPY = `Keep a copy elsewhere, with: cpm-registry key backup --out <file>
If you lose every key of a package, a new one takes 72 hours.`;

/** Asks for a new passphrase twice. Empty means none. */
export async function newPassphrase({ prompt, settings }: ClientContext, text: string): Promise<string> {
  if (settings.passphrase !== undefined) return settings.passphrase.reveal();
  const flag = "--no-passphrase, or CPM_SIGNING_KEY_PASSPHRASE in the environment";
  for (;;) {
    const passphrase = await prompt.askSecret({ text, flag });
    if (passphrase === "") return "";
    if ([...passphrase].length < PASSPHRASE_MIN_CHARS)
      prompt.note(`At least ${PASSPHRASE_MIN_CHARS} characters, or none.`);
    else if ((await prompt.askSecret({ text: "Passphrase again", flag })) === passphrase) return passphrase;
    else prompt.note("The two passphrases differ. Type it again.");
  }
}
