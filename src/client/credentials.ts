import { stat } from "node:fs/promises";
import { parseJsonText } from "../domain/json-text.ts";
import { withFileLock } from "../verify/file-lock.ts";
import { replaceJson } from "../verify/replace-file.ts";
import { clientFault } from "./client-fault.ts";
import { textIfThere } from "./home.ts";

/** What `login` keeps of one registry. A session is never kept, only an API token. */
export interface Credential {
  readonly token: string;
  /** The id of the token, with which `logout` revokes it. Unknown for a token from elsewhere. */
  readonly tokenId?: string;
  readonly username: string;
  readonly label?: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
}

type Stored = Readonly<Record<string, Credential>>;

const OTHERS = 0o077;
const PRIVATE = 0o600;

/** The tokens of this user by the origin of the registry, in a file that nobody else may read. */
export class Credentials {
  constructor(readonly path: string) {}

  /**
   * Returns the credential of a registry. Throws if other accounts of this machine can read the
   * file.
   */
  async of(origin: string): Promise<Credential | undefined> {
    const stored = await this.#read();
    return Object.hasOwn(stored, origin) ? stored[origin] : undefined;
  }

  /** Keeps a credential. Processes take turns, so that none loses what another saved. */
  save(origin: string, credential: Credential): Promise<void> {
    return withFileLock(this.path, async () => this.#write({ ...(await this.#read()), [origin]: credential }));
  }

  /** Forgets a credential. */
  remove(origin: string): Promise<void> {
    return withFileLock(this.path, async () => {
      const { [origin]: _, ...others } = await this.#read();
      await this.#write(others);
    });
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

function isCredential(value: unknown): value is Credential {
  if (typeof value !== "object" || value === null) return false;
  const { token, username } = value as Partial<Credential>;
  return typeof token === "string" && typeof username === "string";
}
