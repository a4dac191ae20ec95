import { matchesEntityTag } from "./document.ts";
import { idOfSent } from "./request-id.ts";

/** Some thousand documents; what does not fit is made again. */
const KEPT_MAX_BYTES = 48 * 1024 * 1024;
/** What an answer takes besides its body: headers, keys, and their places. */
const ENTRY_BYTES = 1_500;

/** Where it is heard that answers are no longer right. */
interface Changes {
  readonly areKnown: boolean;
  listen(listener: (changed: readonly string[] | "any") => void): void;
}

/** What a route knows of an answer that is the same for everybody who asks. */
export interface Preparation {
  /** The package that it tells of. */
  readonly about: string;
  /** The one address it is kept for, without the prefix of `PUBLIC_URL`. */
  readonly path: string;
  readonly body: Blob;
  /** `PreparedAnswers.mark` before anything of it was read. */
  readonly mark: number;
  /** For how long it may be sent without looking again; left out: until its package changes. */
  readonly goodForMs?: number;
  /** Called for each time it is sent whole. */
  readonly sent?: () => void;
}

interface Prepared extends Pick<Preparation, "about" | "body" | "sent"> {
  readonly whole: { readonly headers: Headers };
  readonly unchanged: { readonly status: 304; readonly headers: Headers };
  readonly entityTag: string;
  readonly goodUntilMs: number;
  isUsed: boolean;
}

/**
 * Finished answers, kept in bounded memory until what they tell of changes, and sent without anything of the app being
 * asked. They are what the app answered before, so both are the same. A private registry keeps none.
 */
export class PreparedAnswers {
  readonly #kept = new Map<string, Prepared>();
  readonly #paths = new Map<string, Set<string>>();
  readonly #offered = new WeakMap<Request, Preparation>();
  #bytes = 0;
  #timesChanged = 0;

  constructor(
    readonly changes: Changes,
    readonly maxBytes = KEPT_MAX_BYTES,
  ) {
    changes.listen((changed) => this.#forget(changed));
  }

  /** What was read after a mark and before the next change is right. */
  get mark(): number {
    return this.#timesChanged;
  }

  /** Says that the answer to a request may be sent again. */
  offer(request: Request, preparation: Preparation): void {
    this.#offered.set(request, preparation);
  }

  /** Keeps the answer to a request, should its route have offered it and nothing have changed meanwhile. */
  keep(request: Request, path: string, { status, headers }: Response): void {
    const offered = this.#offered.get(request);
    const entityTag = headers.get("etag");
    if (offered === undefined || offered.path !== path || entityTag === null) return;
    if (status !== 200 || !isPlain(request) || !this.changes.areKnown || offered.mark !== this.#timesChanged) return;
    this.#remove(path);
    const { about, body, sent, goodForMs = Number.POSITIVE_INFINITY } = offered;
    const whole = { headers: new Headers(headers) };
    const unchanged = { status: 304 as const, headers: unchangedHeaders(headers) };
    const goodUntilMs = performance.now() + goodForMs;
    const common = sent === undefined ? { about, body } : { about, body, sent };
    this.#kept.set(path, { ...common, whole, unchanged, entityTag, goodUntilMs, isUsed: false });
    this.#bytes += body.size + ENTRY_BYTES;
    const paths = this.#paths.get(about);
    if (paths === undefined) this.#paths.set(about, new Set([path]));
    else paths.add(path);
    this.#makeRoom();
  }

  /** The answer to a request for a path, undefined where the app must be asked. */
  answer(request: Request, path: string): Response | undefined {
    const found = this.#kept.get(path);
    if (found === undefined || !isPlain(request) || !this.changes.areKnown) return undefined;
    if (found.goodUntilMs < performance.now()) return undefined;
    found.isUsed = true;
    const { headers } = request;
    const id = idOfSent(headers.get("x-request-id"));
    const asked = headers.get("if-none-match");
    if (asked !== null && matchesEntityTag(asked, found.entityTag)) {
      found.unchanged.headers.set("x-request-id", id);
      return new Response(null, found.unchanged);
    }
    found.whole.headers.set("x-request-id", id);
    found.sent?.();
    return new Response(found.body, found.whole);
  }

  #forget(changed: readonly string[] | "any"): void {
    this.#timesChanged += 1;
    const about = changed === "any" ? [...this.#paths.keys()] : changed;
    for (const name of about) for (const path of this.#paths.get(name) ?? []) this.#remove(path);
  }

  #remove(path: string): void {
    const found = this.#kept.get(path);
    if (found === undefined) return;
    this.#kept.delete(path);
    this.#bytes -= found.body.size + ENTRY_BYTES;
    const paths = this.#paths.get(found.about);
    paths?.delete(path);
    if (paths?.size === 0) this.#paths.delete(found.about);
  }

  /** Answers that were sent since the last look get another chance, behind all others. */
  #makeRoom(): void {
    for (const [path, entry] of this.#kept) {
      if (this.#bytes <= this.maxBytes) return;
      if (entry.isUsed) {
        entry.isUsed = false;
        this.#kept.delete(path);
        this.#kept.set(path, entry);
      } else this.#remove(path);
    }
  }
}

/** A request that asks for nothing but a document as it is; all others are the app's to answer. */
function isPlain({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    !headers.has("range") &&
    !headers.has("origin") &&
    !headers.has("content-length") &&
    !headers.has("transfer-encoding") &&
    !headers.get("host")?.includes(",")
  );
}

/** RFC 9110 §15.4.5: what the whole answer tells caches, and nothing of a body that is not there. */
function unchangedHeaders(whole: Headers): Headers {
  const headers = new Headers(whole);
  for (const name of ["content-type", "content-length", "content-disposition", "accept-ranges"]) headers.delete(name);
  return headers;
}
