const lengths = new WeakMap<Request, number>();

/**
 * Tells the length of the body that a `HEAD` is answered without. Elysia would read the body of the `GET` to its end to
 * find that out, and writes what it found over any header: so `http/server.ts` writes this one, after Elysia.
 */
export function declareLength(request: Request, bytes: number): void {
  lengths.set(request, bytes);
}

/** The length that was declared for the answer to this request. */
export function declaredLength(request: Request): number | undefined {
  return lengths.get(request);
}
