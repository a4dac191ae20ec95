import type { Client } from "../support/client.ts";
import type { TestRegistry } from "../support/registry.ts";
import { type Browser, open, send, signIn } from "./site-roles.ts";

/** What a page says of the form that was sent before it, without tags. */
export function resultIn(text: string): string {
  const [, said = ""] =
    /<div id="result"[^>]*>(.*?)<\/div>(?:<(?:form|p|h1|article|div|section|input)\b)/s.exec(text) ?? [];
  return said.replace(/<[^>]+>/g, "").trim();
}

/** A browser that keeps its session, and sends the forms of pages. */
export class Visitor {
  constructor(
    readonly url: string,
    readonly browser: Browser,
  ) {}

  async see(path: string, headers: Record<string, string> = {}) {
    const response = await open(this.url, path, { cookie: this.browser.cookie, ...headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  async submit(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    const sent = { "form-token": this.browser.token, ...fields };
    const response = await send(this.url, path, sent, { cookie: this.browser.cookie, ...headers });
    const location = response.headers.get("location");
    return { status: response.status, location, headers: response.headers, text: await response.text() };
  }

  /** Sends a form that is accepted, and returns the address that follows and what its page says. */
  async done(path: string, fields: Record<string, string>) {
    const { location } = await this.submit(path, fields);
    const address = location?.replace(/^[./]+/, "/") ?? "";
    const { text } = await this.see(address);
    return { page: address.replace(/\?.*/, ""), said: resultIn(text) };
  }
}

/** Signs an account in, in a new browser. */
export async function visitorOf({ url }: TestRegistry, { username }: Client): Promise<Visitor> {
  return new Visitor(url, await signIn(url, username));
}
