import { stat } from "node:fs/promises";
import { parseJsonText } from "../domain/json-text.ts";
import { withFileLock } from "../verify/file-lock.ts";
import { replaceJson } from "../verify/replace-file.ts";
import { ClientFault, clientFault } from "./client-fault.ts";
import { textIfThere } from "./home.ts";
import { keychain } from "./keychain.ts";

/** What is known of a login without its token. */
export interface StoredLogin {
  /** The id of the token, with which `logout` revokes it. Unknown for a token from elsewhere. */
  readonly tokenId?: string;
  readonly username: string;
  readonly label?: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
  /** True if the token is in the keychain of the system, and not in the file. */
  readonly keychain?: true;
}

/** What `login` keeps of one registry. A session is never kept, only an API token. */
export interface Credential extends StoredLogin {
  readonly token: string;
}

type Stored = Readonly<Record<string, StoredLogin & { readonly token?: string }>>;

const OTHERS = 0o077;
const PRIVATE = 0o600;

/** The tokens of this user by the origin of the registry, in a file that nobody else may read. */
export class Credentials {
  constructor(readonly path: string) {}

  /**
   * Returns what is known of the login at a registry. Throws if other accounts of this machine can
   * read the file.
   */
  async of(origin: string): Promise<StoredLogin | undefined> {
    const stored = await this.#read();
    return Object.hasOwn(stored, origin) ? stored[origin] : undefined;
  }

  /** Returns the token for a registry, from the keychain where `save` put it there. */
  async tokenOf(origin: string): Promise<string | undefined> {
    const stored = await this.#read();
    const found = Object.hasOwn(stored, origin) ? stored[origin] : undefined;
    if (found?.keychain !== true) return found?.token;
    const token = await keychain.get(this.#nameOf(origin));
    if (token !== undefined) return token;
    const detail = `The keychain of this machine has no token for ${origin} any more.\nLog in again: cpm-registry login`;
    throw clientFault("denied", "client_not_logged_in", detail);
  }

  /**
   * Keeps a credential, its token in the keychain if `inKeychain`. Processes take turns, so that
   * none loses what another saved.
   */
  async save(origin: string, credential: Credential, inKeychain = false): Promise<void> {
    const { token, ...login } = credential;
    if (inKeychain) await keychain.set(this.#nameOf(origin), token);
    const stored = inKeychain ? { ...login, keychain: true as const } : credential;
    await withFileLock(this.path, async () => this.#write({ ...(await this.#read()), [origin]: stored }));
  }

  /**
   * Forgets a credential. A keychain that cannot be used is a failure, but with `anyway` only a
   * text about it, which is returned.
   */
  async remove(origin: string, anyway: boolean): Promise<string | undefined> {
    const isInKeychain = (await this.of(origin))?.keychain === true;
    const left = isInKeychain ? await this.#removeFromKeychain(origin, anyway) : undefined;
    await withFileLock(this.path, async () => {
      const { [origin]: _, ...others } = await this.#read();
      await this.#write(others);
    });
    return left;
  }

  async #removeFromKeychain(origin: string, anyway: boolean): Promise<string | undefined> {
    try {
      await keychain.remove(this.#nameOf(origin));
      return undefined;
    } catch (cause) {
      if (!anyway || !(cause instanceof ClientFault)) throw cause;
      return "The keychain cannot be used now, so the token stays in it.";
    }
  }

  /** Each file has its own entries: a user may have several homes. */
  #nameOf(origin: string): string {
    return `${origin} (${this.path})`;
  }

  #write(stored: Stored): Promise<void> {
    return replaceJson(this.path, stored, PRIVATE);
  }

  async #read(): Promise<Stored> {
    const text = await textIfThere(this.path);
    if (text === undefined) return {};
    await this.#requirePrivate();
    const stored = parsed(text);
    if (stored !== undefined) return stored;
    throw clientFault(
      "failed",
      "client_credentials_malformed",
      `${this.path} is damaged. Remove it, then log in again.`,
    );
  }

  async #requirePrivate(): Promise<void> {
    const { mode } = await stat(this.path);
    if (process.platform === "win32" || (mode & OTHERS) === 0) return;
    const detail = `${this.path} can be read by others. Run: chmod 600 ${this.path}
If others use this machine, revoke the token too: cpm-registry logout`;
    throw clientFault("denied", "client_credentials_exposed", detail);
  }
}

function parsed(text: string): Stored | undefined {
  try {
    const stored = parseJsonText(text);
    if (typeof stored !== "object" || stored === null) return undefined;
    return Object.values(stored).every(isCredential) ? (stored as Stored) : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function isCredential(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { token, username, keychain: isInKeychain } = value as Partial<Credential>;
  return (typeof token === "string" || isInKeychain === true) && typeof username === "string";
}
