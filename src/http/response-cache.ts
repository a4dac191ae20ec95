import type { Invalidations } from "../db/invalidations.ts";
import { CachedAnswerCounts, type CachedAnswers } from "../metrics/cached-answers.ts";
import { encodedPath, isOfPackage, isPlain, splitPath } from "./cache-paths.ts";
import type { CacheableBody, CacheableResponse } from "./cacheable-response.ts";
import { type HeaderSet, headerSet, SharedHeaderSets, withTagAndId } from "./cached-headers.ts";
import { acceptsGzip, type EncodedResponse } from "./content-encoding.ts";
import { gzipTag, matchesEntityTag, unchangedTag } from "./entity-tag.ts";
import { LinkVariants } from "./links.ts";
import { contextOf } from "./request-context.ts";
import { requestIdFrom } from "./request-id.ts";
import type { SpillFile } from "./spill-file.ts";

/** Limit of all bodies in memory. */
const MEMORY_MAX_BYTES = 24 * 1024 * 1024;
/**
 * A document is promoted from the spill file to memory once it was sent this many times. A lower
 * threshold promotes bodies that are evicted again at once, and collecting that garbage costs more
 * than reading the file.
 */
export const PROMOTION_THRESHOLD = 8;
/**
 * Rough overhead of an entry besides its body. It counts against the limit, so many small responses
 * are bounded too.
 */
const ENTRY_BYTES = 400;
/** Limit of entries. Most of their bodies are in the spill file. */
const ENTRIES_MAX = 120_000;

/**
 * A cached response. There may be a hundred thousand, so an entry has few members and owns no
 * further object.
 */
interface Entry {
  readonly headers: HeaderSet;
  readonly entityTag: string;
  readonly size: number;
  /** The offset of the body in the spill file. Undefined if it is not there. */
  readonly start: number | undefined;
  readonly expiresAtMs: number;
  readonly onSend: ((address: string | null) => void) | undefined;
  readonly answers: CachedAnswers;
  body: Blob | undefined;
  /**
   * How often the whole body was sent. Each eviction pass that spares the entry halves it; eviction
   * resets it.
   */
  hits: number;
}

/**
 * Caches finished responses until their package or the log is invalidated. A hit is sent without
 * calling the app. Popular bodies are in memory, and the bodies of all documents are in a spill
 * file. An entry has the headers and body that the app sent before, so a hit and a miss look the
 * same to clients.
 */
export class ResponseCache {
  /** The documents of packages, by package name. */
  readonly #documents = new Map<string, Entry>();
  /** The other responses of packages: by package name, then by the rest of the path. */
  readonly #others = new Map<string, Map<string, Entry>>();
  /**
   * The entries with a body in memory and their paths. The next candidate for eviction comes first.
   */
  readonly #inMemory = new Map<Entry, string>();
  readonly #documentHeaders = new SharedHeaderSets();
  readonly variants = new LinkVariants();
  readonly answers = new CachedAnswerCounts();
  #bytes = 0;
  #entries = 0;

  constructor(
    readonly invalidations: Pick<Invalidations, "isFresh" | "generation" | "listen">,
    readonly spillFile: SpillFile | undefined,
    readonly memoryMaxBytes = MEMORY_MAX_BYTES,
    readonly entriesMax = ENTRIES_MAX,
  ) {
    invalidations.listen((invalidated) => {
      for (const name of invalidated === "any" ? this.#documents.keys() : invalidated) this.#removeDocument(name);
      for (const name of invalidated === "any" ? this.#others.keys() : invalidated) this.#removeOthers(name);
    });
  }

  /** Closes the spill file. */
  close(): void {
    this.spillFile?.close();
  }

  /**
   * Frees the disk space of the spill file, because the disk is full. A file that has wrapped
   * around overwrites its own bytes, so it would never notice by itself.
   */
  releaseSpillFile(): void {
    this.spillFile?.release();
  }

  get bytesInMemory(): number {
    return this.#bytes;
  }

  /**
   * The number of invalidations so far. A body that was loaded and put in the same generation did
   * not race with an invalidation.
   */
  get generation(): number {
    return this.invalidations.generation;
  }

  /**
   * Marks the response to a request as cacheable. `put` caches it when the response is finished.
   */
  offer(request: Request, response: CacheableResponse): void {
    contextOf(request).cacheable = response;
  }

  /**
   * Caches the response to a request for a path, if its route offered it. Does nothing if an
   * invalidation happened after the route began to read: the response may be older than the change.
   */
  put(request: Request, path: string, { status, headers }: Response): void {
    const offered = contextOf(request).cacheable;
    const entityTag = headers.get("etag");
    if (offered === undefined || offered.path !== path || entityTag === null || status !== 200) return;
    if (!isPlain(request) || !this.invalidations.isFresh || offered.generation !== this.generation) return;
    const { body, onSend, ttlMs = Number.POSITIVE_INFINITY } = offered;
    const isDocument = body instanceof Uint8Array;
    const entry: Entry = {
      headers: isDocument ? this.#documentHeaders.for(headers) : headerSet(headers),
      entityTag,
      size: isDocument ? body.length : body.size,
      start: isDocument ? this.spillFile?.write(body) : undefined,
      ...{ expiresAtMs: performance.now() + ttlMs, onSend, body: undefined, hits: 0 },
      answers: this.answers.of(contextOf(request).route),
    };
    this.#insert(path, entry);
    if (entry.start === undefined) this.#promote(path, entry, isDocument ? new Blob([body]) : body);
  }

  /**
   * Caches the compressed form of the document that is cached for a path. Does nothing if another
   * one is cached there by now.
   */
  putEncoded(request: Request, path: string, { response, body }: EncodedResponse): void {
    const plain = this.#fresh(path);
    const entityTag = response.headers.get("etag");
    if (plain === undefined || body === undefined || entityTag !== gzipTag(plain.entityTag)) return;
    if (!isOfPackage(path) || !isPlain(request)) return;
    const start = this.spillFile?.write(body);
    const headers = this.#documentHeaders.for(response.headers);
    const entry = { ...plain, headers, entityTag, size: body.length, start, body: undefined, hits: 0 };
    this.#insert(encodedPath(path), entry);
    if (start === undefined) this.#promote(encodedPath(path), entry, new Blob([body]));
  }

  /**
   * Returns the cached response to a request for a path. Undefined on a miss: then the app answers.
   * `addressOf` returns the client's address; it is called only where `onSend` wants it.
   */
  match(request: Request, path: string, addressOf: () => string | null = () => null): Response | undefined {
    const plain = this.#fresh(path);
    if (plain === undefined || !isPlain(request)) return undefined;
    if (plain.headers.variesByCookie && request.headers.has("cookie")) return undefined;
    const isVaried = plain.headers.variesByEncoding && acceptsGzip(request.headers.get("accept-encoding"));
    const encoded = isVaried ? this.#fresh(encodedPath(path)) : undefined;
    // The app compresses the document, which is then cached here.
    if (isVaried && encoded === undefined) return undefined;
    return encoded === undefined
      ? this.#respond(request, path, plain, addressOf)
      : this.#respond(request, encodedPath(path), encoded, addressOf);
  }

  #respond(request: Request, path: string, found: Entry, addressOf: () => string | null): Response | undefined {
    const { headers } = request;
    // Documents have no ranges, so a Range header gets the whole document (RFC 9110 §14.2).
    if (headers.has("range") && found.headers.whole.headers.has("accept-ranges")) return undefined;
    const id = requestIdFrom(headers);
    const ifNoneMatch = headers.get("if-none-match");
    const { whole, unchanged } = found.headers;
    if (ifNoneMatch !== null && matchesEntityTag(ifNoneMatch, found.entityTag)) {
      found.answers.unchanged += 1;
      return new Response(null, withTagAndId(unchanged, unchangedTag(ifNoneMatch, found.entityTag), id));
    }
    const body = this.#bodyOf(path, found);
    if (body === undefined) return undefined;
    found.answers.whole += 1;
    found.onSend?.(addressOf());
    return new Response(body, withTagAndId(whole, found.entityTag, id));
  }

  /**
   * Returns the cached body for a path, for a route whose response needs other headers. Bytes are
   * valid only until the next call.
   */
  cachedBody(path: string): { readonly body: CacheableBody; readonly entityTag: string } | undefined {
    const found = this.#fresh(path);
    const body = found && this.#bodyOf(path, found);
    return found && body && { body, entityTag: found.entityTag };
  }

  /** Returns the entry for a path if it may be sent now. */
  #fresh(path: string): Entry | undefined {
    const found = this.#find(path);
    if (found === undefined || !this.invalidations.isFresh) return undefined;
    return found.expiresAtMs === Number.POSITIVE_INFINITY || found.expiresAtMs >= performance.now() ? found : undefined;
  }

  #find(path: string): Entry | undefined {
    const [name, rest] = splitPath(path);
    return rest === "" ? this.#documents.get(name) : this.#others.get(name)?.get(rest);
  }

  #insert(path: string, entry: Entry): void {
    const [name, rest] = splitPath(path);
    const replaced = this.#find(path);
    if (replaced === undefined) this.#entries += 1;
    else this.#demote(replaced);
    if (rest === "") this.#documents.set(name, entry);
    else this.#others.set(name, (this.#others.get(name) ?? new Map<string, Entry>()).set(rest, entry));
    while (this.#entries > this.entriesMax) this.#evictOldest();
  }

  /**
   * Evicts the oldest entry of the larger kind. A client that reads every version of every package
   * therefore does not evict the documents of packages.
   */
  #evictOldest(): void {
    const areOthers = this.#entries > 2 * this.#documents.size;
    const [oldest] = (areOthers ? this.#others : this.#documents).keys();
    if (oldest === undefined) return;
    if (areOthers) this.#removeOthers(oldest);
    else this.#removeDocument(oldest);
  }

  /**
   * Returns the body of an entry from memory or from the spill file, and promotes it to memory at
   * the threshold. Bytes from the file are valid only until the next call.
   */
  #bodyOf(path: string, entry: Entry): CacheableBody | undefined {
    const body = entry.body ?? (entry.start === undefined ? undefined : this.spillFile?.read(entry.start, entry.size));
    if (body instanceof Uint8Array && entry.hits >= PROMOTION_THRESHOLD) this.#promote(path, entry, new Blob([body]));
    if (body !== undefined) entry.hits += 1;
    return body;
  }

  /**
   * Puts a body into memory, and runs an eviction pass over the others while memory is over its
   * limit.
   */
  #promote(path: string, entry: Entry, body: Blob): void {
    entry.body = body;
    this.#inMemory.set(entry, path);
    this.#bytes += entry.size + ENTRY_BYTES;
    for (const [candidate, itsPath] of this.#inMemory) {
      if (this.#bytes <= this.memoryMaxBytes) return;
      this.#inMemory.delete(candidate);
      // An entry that was hit often since the last pass is spared, and queued behind all others.
      if (candidate.hits >= PROMOTION_THRESHOLD) this.#inMemory.set(candidate, itsPath);
      else this.#evictBody(itsPath, candidate);
      candidate.hits = candidate.hits >= PROMOTION_THRESHOLD ? candidate.hits >> 1 : 0;
    }
  }

  /**
   * Evicts a body from memory. An entry that is not in the spill file is useless without its body
   * and goes too.
   */
  #evictBody(path: string, entry: Entry): void {
    this.#demote(entry);
    if (entry.start !== undefined || this.#find(path) !== entry) return;
    const [name, rest] = splitPath(path);
    const others = this.#others.get(name);
    if (rest === "") this.#documents.delete(name);
    else others?.delete(rest);
    if (others?.size === 0) this.#others.delete(name);
    this.#entries -= 1;
  }

  #demote(entry: Entry): void {
    if (entry.body === undefined) return;
    entry.body = undefined;
    this.#inMemory.delete(entry);
    this.#bytes -= entry.size + ENTRY_BYTES;
  }

  #removeDocument(name: string): void {
    const document = this.#documents.get(name);
    if (document === undefined) return;
    this.#demote(document);
    this.#documents.delete(name);
    this.#entries -= 1;
  }

  #removeOthers(name: string): void {
    const others = this.#others.get(name);
    if (others === undefined) return;
    for (const entry of others.values()) this.#demote(entry);
    this.#others.delete(name);
    this.#entries -= others.size;
  }
}
