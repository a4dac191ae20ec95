import { secrets } from "bun";
import { clientFault } from "./client-fault.ts";

/** What entries of this program are listed under. */
const SERVICE = "cpm-registry";

/**
 * The keychain of the system: that of macOS, the Credential Manager of Windows, or whatever has the
 * Secret Service of D-Bus, such as GNOME Keyring or KWallet. Each function throws `ClientFault`
 * where there is none, or where it is locked and nobody unlocks it.
 */
export const keychain = {
  get: (name: string): Promise<string | undefined> =>
    using(async () => (await secrets.get({ service: SERVICE, name })) ?? undefined),
  set: (name: string, value: string): Promise<void> => using(() => secrets.set({ service: SERVICE, name, value })),
  /** Removing what is not there changes nothing. */
  remove: (name: string): Promise<unknown> => using(() => secrets.delete({ service: SERVICE, name })),
};

/** Throws unless the keychain takes and gives back a value, before anybody is asked for anything. */
export async function requireKeychain(): Promise<void> {
  const name = "whether the keychain works";
  await keychain.set(name, "yes");
  await keychain.remove(name);
}

async function using<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
    const detail = `The keychain of this machine cannot be used: ${reason}.\n${ADVICE}`;
    throw clientFault("failed", "client_keychain_unusable", detail);
  }
}

const ADVICE =
  process.platform === "linux"
    ? `It needs libsecret and an unlocked Secret Service, such as GNOME Keyring or KWallet, in your session.
Without one: cpm-registry logout --local, then log in without --keychain, or set CPM_API_TOKEN.`
    : "Unlock it. Without one: cpm-registry logout --local, then log in without --keychain, or set CPM_API_TOKEN.";
