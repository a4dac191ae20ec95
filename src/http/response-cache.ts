import { type Invalidations, LOG } from "../db/invalidations.ts";
import { matchesEntityTag } from "./entity-tag.ts";
import { idOfSent } from "./request-id.ts";
import type { AnswerFile } from "./spill-file.ts";

/** Of bodies in memory; those of documents that are not asked for often are only in the file. */
const MEMORY_MAX_BYTES = 24 * 1024 * 1024;
/**
 * How often a document is sent from the file before it comes to memory, which saves 2 µs: what comes and goes at once makes
 * more work for the collector than that (of 100,000 names by Zipf's law, after two times, every sixth request did).
 */
export const OFTEN = 8;
/** What an answer takes besides its body, roughly: it counts, so that many small answers are bounded too. */
const ENTRY_BYTES = 400;
/** Answers that are known of, most of them in the file: 40 to 80 MB, by how long their addresses are. */
const ENTRIES_MAX = 120_000;
const PACKAGES = "/api/packages/";
const CHECKPOINT = "/log/checkpoint";
/** Tiles stay what they are, so nothing is ever said to change them. */
const TILES = "/log/tile/";

/** Blobs are what is kept in memory: answers share their bytes, and copy those of an array. */
type Body = Uint8Array<ArrayBuffer> | Blob;

/** What a route knows of an answer that is the same for everybody who asks. */
export interface Preparation {
  /** The one address it is kept for, without the prefix of `PUBLIC_URL`: of a package or below it, or of the log. */
  readonly path: string;
  /** Bytes may be kept in the file as well, a Blob only in memory. */
  readonly body: Body;
  /** `PreparedAnswers.generation` before anything of it was read. */
  readonly generation: number;
  /** For how long it may be sent without looking again; left out: until its package changes. */
  readonly goodForMs?: number;
  /** Called for each time it is sent whole. */
  readonly sent?: () => void;
}

/** The headers of a whole answer and of a 304, without or with another entity tag and request id. */
interface HeaderSet {
  readonly whole: { readonly headers: Headers };
  readonly unchanged: { readonly status: 304; readonly headers: Headers };
}

/** There may be a hundred thousand: few members, and no object of its own in any. */
interface Prepared {
  readonly headers: HeaderSet;
  readonly entityTag: string;
  readonly size: number;
  /** Where it is in the file, undefined where it is not. */
  readonly start: number | undefined;
  readonly goodUntilMs: number;
  readonly sent: (() => void) | undefined;
  body: Blob | undefined;
  /** How often it was sent whole, halved with each turn in memory; none any more for who leaves it. */
  times: number;
}

/**
 * Finished answers, kept until their package or the log changes, and sent without anything of the app being asked: the ones that are
 * asked for most in memory, all documents in a file. They are what the app answered before, so both are the same.
 */
export class PreparedAnswers {
  /** The documents of packages, by name; and what is below them, by what follows the name. */
  readonly #documents = new Map<string, Prepared>();
  readonly #others = new Map<string, Map<string, Prepared>>();
  readonly #offered = new WeakMap<Request, Preparation>();
  /** Those with a body in memory, and their paths, the next to lose it first. */
  readonly #inMemory = new Map<Prepared, string>();
  readonly #documentHeaders = new Map<string, HeaderSet>();
  #bytes = 0;
  #entries = 0;

  constructor(
    readonly invalidations: Pick<Invalidations, "isFresh" | "generation" | "listen">,
    readonly file: AnswerFile | undefined,
    readonly memoryMaxBytes = MEMORY_MAX_BYTES,
    readonly entriesMax = ENTRIES_MAX,
  ) {
    invalidations.listen((changed) => {
      for (const name of changed === "any" ? this.#documents.keys() : changed) this.#forgetDocument(name);
      for (const name of changed === "any" ? this.#others.keys() : changed) this.#forgetOthers(name);
    });
  }

  close(): void {
    this.file?.close();
  }

  /** The disk is full: a file that has gone round writes over its own bytes, and would never notice. */
  giveRoomBack(): void {
    this.file?.giveUp();
  }

  get bytesInMemory(): number {
    return this.#bytes;
  }

  /** A body that was loaded in this generation, and offered while it lasts, did not race with an invalidation. */
  get generation(): number {
    return this.invalidations.generation;
  }

  /** Says that the answer to a request may be sent again. */
  offer(request: Request, preparation: Preparation): void {
    this.#offered.set(request, preparation);
  }

  /** Keeps the answer to a request for a path, should its route have offered it and nothing have changed meanwhile. */
  keep(request: Request, path: string, { status, headers }: Response): void {
    const offered = this.#offered.get(request);
    const entityTag = headers.get("etag");
    if (offered === undefined || offered.path !== path || entityTag === null || status !== 200) return;
    if (!isPlain(request) || !this.invalidations.isFresh || offered.generation !== this.generation) return;
    const { body, sent, goodForMs = Number.POSITIVE_INFINITY } = offered;
    const isDocument = body instanceof Uint8Array;
    const entry: Prepared = {
      headers: isDocument ? this.#shared(headers) : headerSet(headers),
      entityTag,
      size: isDocument ? body.length : body.size,
      start: isDocument ? this.file?.write(body) : undefined,
      goodUntilMs: performance.now() + goodForMs,
      sent,
      body: undefined,
      times: 0,
    };
    this.#put(path, entry);
    if (entry.start === undefined) this.#remember(path, entry, isDocument ? new Blob([body]) : body);
  }

  /** The answer to a request for a path, undefined where the app must be asked. */
  answer(request: Request, path: string): Response | undefined {
    const found = this.#good(path);
    if (found === undefined || !isPlain(request)) return undefined;
    const { headers } = request;
    // Documents have no ranges: who asks for one gets all of it (RFC 9110 §14.2).
    if (headers.has("range") && found.headers.whole.headers.has("accept-ranges")) return undefined;
    const id = idOfSent(headers.get("x-request-id"));
    const asked = headers.get("if-none-match");
    const { whole, unchanged } = found.headers;
    if (asked !== null && matchesEntityTag(asked, found.entityTag)) {
      return new Response(null, described(unchanged, found.entityTag, id));
    }
    const body = this.#bodyOf(path, found);
    if (body === undefined) return undefined;
    found.sent?.();
    return new Response(body, described(whole, found.entityTag, id));
  }

  /** The document that is kept for a path, for the app, whose answer has other headers. Bytes are good until the next call. */
  document(path: string): { readonly body: Body; readonly entityTag: string } | undefined {
    const found = this.#good(path);
    const body = found && this.#bodyOf(path, found);
    return found && body && { body, entityTag: found.entityTag };
  }

  /** What is kept for a path, if it is right now. */
  #good(path: string): Prepared | undefined {
    const found = this.#find(path);
    if (found === undefined || !this.invalidations.isFresh) return undefined;
    return found.goodUntilMs === Number.POSITIVE_INFINITY || found.goodUntilMs >= performance.now() ? found : undefined;
  }

  #find(path: string): Prepared | undefined {
    const [name, rest] = partsOf(path);
    return rest === "" ? this.#documents.get(name) : this.#others.get(name)?.get(rest);
  }

  #put(path: string, entry: Prepared): void {
    const [name, rest] = partsOf(path);
    const before = this.#find(path);
    if (before === undefined) this.#entries += 1;
    else this.#drop(before);
    if (rest === "") this.#documents.set(name, entry);
    else this.#others.set(name, (this.#others.get(name) ?? new Map<string, Prepared>()).set(rest, entry));
    while (this.#entries > this.entriesMax) this.#forgetOldest();
  }

  /** Of what there is more of: who reads every version of everything takes no documents from those who ask for these. */
  #forgetOldest(): void {
    const areOthers = this.#entries > 2 * this.#documents.size;
    const [oldest] = (areOthers ? this.#others : this.#documents).keys();
    if (oldest === undefined) return;
    if (areOthers) this.#forgetOthers(oldest);
    else this.#forgetDocument(oldest);
  }

  /** Documents differ in their entity tags only, so a hundred thousand of them share their headers. */
  #shared(headers: Headers): HeaderSet {
    const text = JSON.stringify([...headers].filter(([name]) => name !== "etag" && name !== "x-request-id"));
    const known = this.#documentHeaders.get(text) ?? headerSet(headers);
    this.#documentHeaders.set(text, known);
    return known;
  }

  /** From memory or the file: what is asked for often is in memory from then on, other bytes are good until the next call. */
  #bodyOf(path: string, entry: Prepared): Body | undefined {
    const bytes = entry.body ?? (entry.start === undefined ? undefined : this.file?.read(entry.start, entry.size));
    if (bytes instanceof Uint8Array && entry.times >= OFTEN) this.#remember(path, entry, new Blob([bytes]));
    if (bytes !== undefined) entry.times += 1;
    return bytes;
  }

  #remember(path: string, entry: Prepared, body: Blob): void {
    entry.body = body;
    this.#inMemory.set(entry, path);
    this.#bytes += entry.size + ENTRY_BYTES;
    for (const [next, itsPath] of this.#inMemory) {
      if (this.#bytes <= this.memoryMaxBytes) return;
      this.#inMemory.delete(next);
      // What was sent often since the last look gets another turn, behind all others.
      if (next.times >= OFTEN) this.#inMemory.set(next, itsPath);
      else this.#dropBody(itsPath, next);
      next.times = next.times >= OFTEN ? next.times >> 1 : 0;
    }
  }

  /** What has no place in the file is nothing without its body, and must not take the place of what can answer. */
  #dropBody(path: string, entry: Prepared): void {
    this.#drop(entry);
    if (entry.start !== undefined || this.#find(path) !== entry) return;
    const [name, rest] = partsOf(path);
    const others = this.#others.get(name);
    if (rest === "") this.#documents.delete(name);
    else others?.delete(rest);
    if (others?.size === 0) this.#others.delete(name);
    this.#entries -= 1;
  }

  #drop(entry: Prepared): void {
    if (entry.body === undefined) return;
    entry.body = undefined;
    this.#inMemory.delete(entry);
    this.#bytes -= entry.size + ENTRY_BYTES;
  }

  #forgetDocument(name: string): void {
    const document = this.#documents.get(name);
    if (document === undefined) return;
    this.#drop(document);
    this.#documents.delete(name);
    this.#entries -= 1;
  }

  #forgetOthers(name: string): void {
    const others = this.#others.get(name);
    if (others === undefined) return;
    for (const entry of others.values()) this.#drop(entry);
    this.#others.delete(name);
    this.#entries -= others.size;
  }
}

/** What changes an answer, by its path: a package, by its name, or the log; and what the answer is of that. */
function partsOf(path: string): [name: string, rest: string] {
  if (path === CHECKPOINT) return [LOG, path];
  if (path.startsWith(TILES)) return [TILES, path];
  if (!path.startsWith(PACKAGES)) return ["", path];
  const end = path.indexOf("/", PACKAGES.length);
  return end < 0 ? [path.slice(PACKAGES.length), ""] : [path.slice(PACKAGES.length, end), path.slice(end)];
}

/** A request that asks for nothing but an answer as it is; all others are the app's to answer. */
function isPlain({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    !headers.has("origin") &&
    !headers.has("content-length") &&
    !headers.has("transfer-encoding") &&
    !headers.get("host")?.includes(",")
  );
}

/** RFC 9110 §15.4.5: a 304 tells caches what the whole answer does, and nothing of a body that is not there. */
function headerSet(of: Headers): HeaderSet {
  const unchanged = new Headers(of);
  for (const name of ["content-type", "content-length", "content-disposition", "accept-ranges"]) unchanged.delete(name);
  return { whole: { headers: new Headers(of) }, unchanged: { status: 304, headers: unchanged } };
}

/** The response that is made next copies the headers, so they can be used again at once. */
function described<Init extends { readonly headers: Headers }>(init: Init, entityTag: string, id: string): Init {
  init.headers.set("etag", entityTag);
  init.headers.set("x-request-id", id);
  return init;
}
