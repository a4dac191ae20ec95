import { Elysia } from "elysia";

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses every request that would change something while the registry is read-only, before a
 * credential is asked for or a byte of the body is read. Every route with another method than GET
 * and HEAD changes something, a login too: it makes a session. Addresses without such a route get
 * the answer that they always get.
 */
export function readOnlyGuard(
  mode: { readonly refusesWrites: boolean; requireWritable(): void },
  methodsOf: (path: string) => string[],
) {
  return new Elysia({ name: "read-only" }).onRequest(({ request }) => {
    if (!mode.refusesWrites || READS.has(request.method)) return;
    if (methodsOf(new URL(request.url).pathname).includes(request.method)) mode.requireWritable();
  });
}
