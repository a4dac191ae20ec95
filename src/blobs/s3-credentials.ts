import type { CredentialSource } from "../config/storage-credentials.ts";
import { loadCredentials, type S3Credentials } from "./load-credentials.ts";

/**
 * New credentials are fetched so long before the old ones end. AWS has them ready five minutes
 * before.
 */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** Credentials that end sooner are not used: a request takes time, and clocks differ. */
const TOO_SHORT_MS = 30_000;
/** The pause after a refresh in the background, which may have failed. */
const REFRESH_PAUSE_MS = 10_000;

/**
 * Keeps the credentials of a bucket. It fetches new ones in the background before the old ones end,
 * so that no request waits for them, and a source that fails meanwhile does no harm until then.
 */
export class CredentialKeeper {
  readonly #source: CredentialSource;
  readonly #clock: () => Date;
  #present: S3Credentials | undefined;
  #loading: Promise<S3Credentials> | undefined;
  #nextRefreshMs = 0;

  constructor(source: CredentialSource, clock: () => Date) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Returns valid credentials. Throws `S3Fault` if the source gives none. */
  async get(): Promise<S3Credentials> {
    return this.peek() ?? (await this.#load());
  }

  /** Returns credentials that are at hand and still valid for a while, without waiting for others. */
  peek(): S3Credentials | undefined {
    const present = this.#present;
    if (present?.expiresAt === undefined) return present;
    const nowMs = this.#clock().getTime();
    const leftMs = present.expiresAt.getTime() - nowMs;
    if (leftMs <= TOO_SHORT_MS) return undefined;
    if (leftMs <= REFRESH_BEFORE_MS && nowMs >= this.#nextRefreshMs) {
      this.#nextRefreshMs = nowMs + REFRESH_PAUSE_MS;
      // The present ones are good. Once they are not, `get` fetches others and reports the failure.
      this.#load().catch(() => undefined);
    }
    return present;
  }

  /**
   * Forgets credentials that the storage refused, if these are still the present ones. Returns whether
   * a source may give others.
   */
  discard(refused: S3Credentials): boolean {
    if (this.#source.kind === "static") return false;
    if (this.#present === refused) this.#present = undefined;
    return true;
  }

  /** Callers that come meanwhile wait for the same answer. */
  #load(): Promise<S3Credentials> {
    this.#loading ??= loadCredentials(this.#source)
      .then((loaded) => {
        this.#present = loaded;
        return loaded;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }
}
