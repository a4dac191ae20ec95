const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

const ids = new WeakMap<Request, string>();

/** The client's `X-Request-Id` when it is a plain token, else a new one. */
export function idOfSent(sent: string | null): string {
  return sent !== null && REQUEST_ID.test(sent) ? sent : crypto.randomUUID();
}

/** The id of a request. The same at every call. */
export function requestId(request: Request): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const id = idOfSent(request.headers.get("x-request-id"));
  ids.set(request, id);
  return id;
}

/** Gives a rewritten request the id of the one it stands for. */
export function keepRequestId(from: Request, to: Request): void {
  ids.set(to, requestId(from));
}
