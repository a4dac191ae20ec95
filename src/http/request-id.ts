const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

const ids = new WeakMap<Request, string>();

/** The id of a request: the client's `X-Request-Id` when it is a plain token, else a new one. The same at every call. */
export function requestId(request: Request): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const sent = request.headers.get("x-request-id");
  const id = sent !== null && REQUEST_ID.test(sent) ? sent : crypto.randomUUID();
  ids.set(request, id);
  return id;
}

/** Gives a rewritten request the id of the one it stands for. */
export function keepRequestId(from: Request, to: Request): void {
  ids.set(to, requestId(from));
}
