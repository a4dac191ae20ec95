/** The headers of a 200 and of a 304. Entity tag and request ID are set for each response. */
export interface HeaderSet {
  /** True if clients that accept a compressed form get that. */
  readonly variesByEncoding: boolean;
  /** True if a client with a cookie may get something else, so only the app can answer it. */
  readonly variesByCookie: boolean;
  readonly whole: { readonly headers: Headers };
  readonly unchanged: { readonly status: 304; readonly headers: Headers };
}

/**
 * Makes both sets. A 304 has the caching headers of the 200 and none about a body (RFC 9110
 * §15.4.5).
 */
export function headerSet(of: Headers): HeaderSet {
  const unchanged = new Headers(of);
  for (const name of ["content-type", "content-length", "content-encoding", "content-disposition", "accept-ranges"])
    unchanged.delete(name);
  const vary = of.get("vary");
  const variesByEncoding = vary?.includes("Accept-Encoding") ?? false;
  const variesByCookie = vary?.includes("Cookie") ?? false;
  return {
    variesByEncoding,
    variesByCookie,
    whole: { headers: new Headers(of) },
    unchanged: { status: 304, headers: unchanged },
  };
}

/**
 * Header sets of documents. These differ only in their entity tags, so many documents share one.
 */
export class SharedHeaderSets {
  readonly #byText = new Map<string, HeaderSet>();

  /** Returns the set for these headers, and makes it if it is the first of its kind. */
  for(headers: Headers): HeaderSet {
    const text = JSON.stringify([...headers].filter(([name]) => name !== "etag" && name !== "x-request-id"));
    const known = this.#byText.get(text) ?? headerSet(headers);
    this.#byText.set(text, known);
    return known;
  }
}

/**
 * Sets both headers in place. That is safe because the response that is made next copies the
 * headers.
 */
export function withTagAndId<Init extends { readonly headers: Headers }>(
  init: Init,
  entityTag: string,
  requestId: string,
): Init {
  init.headers.set("etag", entityTag);
  init.headers.set("x-request-id", requestId);
  return init;
}
