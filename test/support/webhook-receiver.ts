import { Webhook } from "standardwebhooks";
import type { Client, Json } from "./client.ts";

/** A message that arrived. */
export interface Received {
  readonly id: string;
  readonly headers: Headers;
  readonly text: string;
  readonly message: Json;
}

/** Receives messages over HTTP as another program does, and answers as a test says. */
export class Receiver {
  readonly received: Received[] = [];
  /** Answers the next messages. */
  answer: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 204 });
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: async (request) => {
      const text = await request.text();
      const { headers } = request;
      this.received.push({ id: headers.get("webhook-id") ?? "", headers, text, message: JSON.parse(text) });
      return this.answer(request);
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/hook`;
  }

  get ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  kinds(): string[] {
    return this.received.map(({ message }) => message.type);
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

/** Verifies a message with the library of Standard Webhooks. Returns it, or throws. */
export function verified(secret: string, { text, headers }: Received): Json {
  return new Webhook(secret).verify(text, Object.fromEntries(headers));
}

/** Makes a webhook and returns it with its secret. */
export async function newWebhook(client: Client, url: string, filters: object = {}): Promise<Json> {
  const made = await client.post("/api/webhooks", { url, ...filters });
  if (made.status !== 201) throw new Error(`a webhook answered ${made.status}: ${made.text}`);
  return made.body;
}

/** Removes every webhook of an account. */
export async function removeWebhooks(account: Client): Promise<void> {
  const { body } = await account.get("/api/webhooks");
  for (const { id } of body.items) await account.send("DELETE", `/api/webhooks/${id}`);
}
