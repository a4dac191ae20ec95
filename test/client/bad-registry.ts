import { join } from "node:path";

/** What a registry does with one request. Undefined passes the request on. */
export type Misbehaviour = (request: Request, path: string) => Response | Promise<Response> | undefined;

/**
 * A server before a real registry. It behaves badly where a test says so, and passes everything else
 * on. `seen` has the requests in order.
 */
export class BadRegistry {
  misbehave: Misbehaviour = () => undefined;
  readonly seen: { readonly path: string; readonly range: string | null }[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(target: () => string) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        this.seen.push({ path: pathname, range: request.headers.get("range") });
        const bad = await this.misbehave(request, pathname);
        if (bad !== undefined) return bad;
        const headers = new Headers(request.headers);
        headers.delete("host");
        const body = request.body === null ? {} : { body: await request.arrayBuffer() };
        const answer = await fetch(`${target()}${pathname}${search}`, {
          method: request.method,
          headers,
          redirect: "manual",
          ...body,
        });
        return new Response(answer.body, { status: answer.status, headers: answer.headers });
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  reset(): void {
    this.misbehave = () => undefined;
    this.seen.length = 0;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}

/** A body that sends its pieces and then stalls for ever. */
export function stalling(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
    },
  });
}

/** The file of an archive in a directory. */
export const archiveIn = (directory: string, name: string, version: string) =>
  join(directory, `${name}-${version}.cpm`);
