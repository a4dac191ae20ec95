import { createHmac } from "node:crypto";
import { eq } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, PASSWORD, type SigningKey } from "../support/client.ts";
import { register } from "../support/key-statements.ts";
import type { TestRegistry } from "../support/registry.ts";
import { newAdmin, withToken } from "../support/roles.ts";

/* Who opens pages and sends forms in the tests of permissions. */

/** Whoever has a session that counts. */
export const VISITORS = ["user", "owner", "invited", "admin"] as const;

/** Whoever has none, though some seem to. Pages must take all of them for guests. */
export const GUESTS = ["guest", "disabled", "ended", "token as cookie", "session as header", "forged"] as const;

export type Visitor = (typeof VISITORS)[number];
export type Role = Visitor | (typeof GUESTS)[number];

export const ROLES: readonly Role[] = [...GUESTS, ...VISITORS];

export const isVisitor = (role: Role): role is Visitor => VISITORS.some((one) => one === role);

/** The name of the package that `owner` owns, and that `invited` is invited to own. */
export const PACKAGE = "perm-pkg";

/** A browser with a session: its cookie, and the token that its forms have. */
export interface Browser {
  readonly cookie: string;
  readonly token: string;
}

/** Opens a page as a browser does, and follows no redirect. */
export function open(url: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + path, { redirect: "manual", headers: { accept: "text/html", ...headers } });
}

/** Sends a form as a browser does. */
export function send(
  url: string,
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams(fields);
  return fetch(url + path, { method: "POST", redirect: "manual", body, headers: { accept: "text/html", ...headers } });
}

/** Returns the token of the forms of a page. */
export function tokenIn(html: string): string {
  return /name="form-token" value="([^"]+)"/.exec(html)?.[1] ?? "";
}

/** Signs an account in, in a new browser. */
export async function signIn(url: string, username: string, password = PASSWORD): Promise<Browser> {
  const answer = await send(url, "/login", { username, password });
  if (answer.status !== 303) throw new Error(`the sign-in of ${username} answered ${answer.status}`);
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  return { cookie, token: tokenIn(await (await open(url, "/help", { cookie })).text()) };
}

/** The accounts of the tests, in one registry. */
export class Site {
  readonly key: SigningKey = makeKey();
  readonly #people: Partial<Record<Visitor | "bystander", Client>> = {};
  readonly #browsers: Partial<Record<Visitor, Browser>> = {};
  readonly #headers: Partial<Record<Role, Record<string, string>>> = {};
  #names = 0;
  #webhook = "";

  private constructor(readonly registry: TestRegistry) {}

  static async open(registry: TestRegistry): Promise<Site> {
    const site = new Site(registry);
    for (const person of ["user", "owner", "invited", "bystander"] as const) {
      site.#people[person] = await newAccount(registry, person);
    }
    site.#people.admin = await newAdmin(registry);
    const owner = site.person("owner");
    await register(owner, site.key);
    await site.publish(PACKAGE, "1.0.0");
    await owner.send("PUT", `/api/packages/${PACKAGE}/owners/${site.person("invited").username}`);
    await site.newWebhook();
    for (const visitor of VISITORS) {
      const browser = await signIn(registry.url, site.person(visitor).username);
      site.#browsers[visitor] = browser;
      site.#headers[visitor] = { cookie: browser.cookie };
    }
    await site.#makeGuests();
    return site;
  }

  get url(): string {
    return this.registry.url;
  }

  person(person: Visitor | "bystander"): Client {
    const found = this.#people[person];
    if (found === undefined) throw new Error(`No account of ${person}`);
    return found;
  }

  browser(visitor: Visitor): Browser {
    const found = this.#browsers[visitor];
    if (found === undefined) throw new Error(`No browser of ${visitor}`);
    return found;
  }

  /** The headers that make somebody, or seem to. */
  headers(role: Role): Record<string, string> {
    return this.#headers[role] ?? {};
  }

  newName(): string {
    this.#names += 1;
    return `perm-${this.#names}`;
  }

  /** The ID of the webhook of `owner`. */
  get webhook(): string {
    return this.#webhook;
  }

  /** Gives `owner` another webhook in place of the last one. Nothing leaves this machine. */
  async newWebhook(): Promise<void> {
    const owner = this.person("owner");
    if (this.#webhook !== "") await owner.send("DELETE", `/api/webhooks/${this.#webhook}`);
    this.#webhook = (await owner.post("/api/webhooks", { url: "https://localhost/hook" })).body.id;
  }

  async publish(name: string, version: string): Promise<void> {
    const archive = makePackage({ name, version, readme: "# Read me" });
    const answer = await this.person("owner").publish(name, version, archive, this.key);
    if (answer.status !== 201) throw new Error(`publish answered ${answer.status}: ${answer.text}`);
  }

  async #makeGuests(): Promise<void> {
    const { registry, url } = this;
    const disabled = await newAccount(registry, "disabled");
    this.#headers.disabled = { cookie: (await signIn(url, disabled.username)).cookie };
    await registry.deps.db.write(async ({ query, tables: { users } }) => {
      await query.update(users).set({ disabledAt: new Date() }).where(eq(users.username, disabled.username));
    });
    const owner = this.person("owner");
    const ended = await signIn(url, owner.username);
    await send(url, "/logout", { "form-token": ended.token }, { cookie: ended.cookie });
    this.#headers.ended = { cookie: ended.cookie };
    const { token = "" } = await withToken(owner, ["read", "publish-new", "publish-update", "yank", "owners"]);
    this.#headers["token as cookie"] = { cookie: `cpm_session=${token}` };
    this.#headers["session as header"] = { authorization: `Bearer ${owner.token}` };
    const [head = "", claims = ""] = (owner.token ?? "").split(".");
    const forged = createHmac("sha256", "another key").update(`${head}.${claims}`).digest("base64url");
    this.#headers.forged = { cookie: `cpm_session=${head}.${claims}.${forged}` };
  }

  /** Everything that changes state records an event, so equal counts mean that nothing changed. */
  events(): Promise<number> {
    return this.registry.deps.db.read(({ query, tables }) => query.$count(tables.events));
  }
}

/** A guest with a program, for what tests ask the API. */
export const program = (url: string) => new Client(url);
