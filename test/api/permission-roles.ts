import { createHmac, randomBytes } from "node:crypto";
import { eq, ne } from "drizzle-orm";
import { tokenTextOf } from "../../src/domain/token-text.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { register } from "../support/key-statements.ts";
import { TEST_JWT_KEY, type TestRegistry } from "../support/registry.ts";
import { newAdmin, withToken } from "../support/roles.ts";

/* The roles of the permission matrix, and the packages that they ask about. */

/** The prefix of every package of the matrix. */
const PREFIX = "matrix-";
const ALL_SCOPES = ["read", "publish-new", "publish-update", "yank", "owners"];

/**
 * Accounts. `owner` made the packages, and `other` accepted an invitation. `disabled` owned them
 * too, and was disabled.
 */
type Person = "user" | "owner" | "other" | "admin" | "disabled";

/** The credential of a request. */
export interface Role {
  /** `none`: no credential. `bad`: a credential that proves nothing. */
  readonly proof: "none" | "bad" | "disabled" | "good";
  /** The account that the credential belongs to, or seems to belong to. */
  readonly person: Person;
  /** Scopes of an API token. Undefined for a session. */
  readonly scopes?: readonly string[];
  /** Whether the token covers the packages of the matrix. */
  readonly isForOthers?: boolean;
}

const tokenOf = (person: Person, ...scopes: readonly string[]): Role => ({ proof: "good", person, scopes });
const bad: Role = { proof: "bad", person: "owner" };

/** Every role of the matrix. */
export const ROLES = {
  nobody: { proof: "none", person: "owner" },
  user: { proof: "good", person: "user" },
  owner: { proof: "good", person: "owner" },
  "other owner": { proof: "good", person: "other" },
  admin: { proof: "good", person: "admin" },
  "token to read": tokenOf("owner", "read"),
  "token to publish-new": tokenOf("owner", "publish-new"),
  "token to publish-update": tokenOf("owner", "publish-update"),
  "token to yank": tokenOf("owner", "yank"),
  "token for owners": tokenOf("owner", "owners"),
  "token for other names": { ...tokenOf("owner", ...ALL_SCOPES), isForOthers: true },
  "token of a user": tokenOf("user", ...ALL_SCOPES),
  "token of an admin": tokenOf("admin", ...ALL_SCOPES),
  "expired token": bad,
  "revoked token": bad,
  "forged token": bad,
  "mistyped token": bad,
  "session that ended": bad,
  "session that expired": bad,
  "session with an expired token": bad,
  "session signed by another key": bad,
  "session without a signature": bad,
  "session of a disabled account": { proof: "disabled", person: "disabled" },
  "token of a disabled account": { proof: "disabled", person: "disabled" },
} as const satisfies Record<string, Role>;

export type RoleName = keyof typeof ROLES;

export const ROLE_NAMES = Object.keys(ROLES) as RoleName[];

/** Signs a JSON Web Token (RFC 7515) with the key of the registry or another one. */
function signJwt(claims: object, key: string): string {
  const [header, payload] = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const signature = createHmac("sha256", key).update(`${header}.${payload}`).digest("base64url");
  return `${header}.${payload}.${signature}`;
}

const HOUR_S = 3_600;

/** A session that is invalid in one respect. */
interface SessionOptions {
  /** Seconds from now. */
  readonly rowEndsIn?: number;
  readonly tokenEndsIn?: number;
  readonly key?: string;
}

/** Accounts, credentials, and packages to try them on. */
export class World {
  readonly key: SigningKey = makeKey();
  #names = 0;
  #clients: Partial<Record<RoleName, Client>> = {};
  #people: Partial<Record<Person, Client>> = {};

  #revokedId = "";

  private constructor(
    readonly registry: TestRegistry,
    /** An account that has nothing to do with any package. */
    readonly bystander: Client,
  ) {}

  static async open(registry: TestRegistry): Promise<World> {
    // Webhooks move on by themselves, which would look like what a request changed.
    await registry.deps.webhooks.close();
    const world = new World(registry, await newAccount(registry, "bystander"));
    for (const person of ["user", "owner", "other", "disabled"] as const) {
      world.#people[person] = await newAccount(registry, person);
    }
    world.#people.admin = await newAdmin(registry);
    // All of them share one key, because every account has to know the keys that it signs with.
    for (const person of Object.values(world.#people)) await register(person, world.key);
    await world.#makeTokens();
    await world.#makeBad();
    await world.#disable();
    await world.renew();
    return world;
  }

  /** The session of a person. */
  person(person: Person): Client {
    const found = this.#people[person];
    if (found === undefined) throw new Error(`No account of ${person}`);
    return found;
  }

  /** The client of a role. */
  as(role: RoleName): Client {
    const found = this.#clients[role];
    if (found === undefined) throw new Error(`No credential of ${role}`);
    return found;
  }

  /**
   * Makes new sessions for all, and gives tokens their life back, because some requests end them.
   * It makes no logins, because each costs a password hash.
   */
  async renew(): Promise<void> {
    await this.registry.deps.db.write(async ({ query, tables: { apiTokens } }) => {
      await query.update(apiTokens).set({ revokedAt: null }).where(ne(apiTokens.id, this.#revokedId));
    });
    for (const person of ["user", "owner", "other", "admin", "disabled"] as const) {
      this.#people[person] = await this.newSession(person);
    }
    for (const role of ["user", "owner", "admin"] as const) this.#clients[role] = this.person(role);
    this.#clients["other owner"] = this.person("other");
    this.#clients["session of a disabled account"] = this.person("disabled");
    // Each of them is valid except in one respect.
    this.#clients["session that expired"] = await this.newSession("owner", { rowEndsIn: -60 });
    this.#clients["session with an expired token"] = await this.newSession("owner", { tokenEndsIn: -60 });
    this.#clients["session signed by another key"] = await this.newSession("owner", { key: `${TEST_JWT_KEY}!` });
    const [, payload] = (this.person("owner").token ?? "").split(".");
    const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    this.#clients["session without a signature"] = this.#with("owner", `${header}.${payload}.`);
  }

  newName(): string {
    this.#names += 1;
    return `${PREFIX}${this.#names}`;
  }

  /** A package with 1.0.0, which `owner`, `other` and `disabled` own. */
  async newPackage(): Promise<string> {
    const [name, owner, other] = [this.newName(), this.person("owner"), this.person("other")];
    const published = await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), this.key);
    if (published.status !== 201) throw new Error(published.text);
    const address = `/api/packages/${name}/owners/${other.username}`;
    for (const by of [owner, other]) {
      const answer = await by.send("PUT", address);
      if (answer.status !== 200) throw new Error(answer.text);
    }
    await this.registry.deps.db.write(async ({ query, tables: { packageOwners, packages, users } }) => {
      const [row] = await query.select().from(packages).where(eq(packages.name, name));
      const [user] = await query
        .select()
        .from(users)
        .where(eq(users.username, this.person("disabled").username));
      if (row === undefined || user === undefined) throw new Error(`No ${name}`);
      await query.insert(packageOwners).values({ packageId: row.id, userId: user.id, createdAt: new Date() });
    });
    return name;
  }

  #with(person: Person, token: string | undefined): Client {
    return new Client(this.registry.url, token, this.person(person).username);
  }

  /** Another session of a person, which no other request uses. */
  async newSession(person: Person, options: SessionOptions = {}): Promise<Client> {
    const { rowEndsIn = HOUR_S, tokenEndsIn = HOUR_S, key = TEST_JWT_KEY } = options;
    const { db, config } = this.registry.deps;
    const now = Math.floor(Date.now() / 1000);
    const jti = crypto.randomUUID();
    const { username } = this.person(person);
    const user = await db.write(async ({ query, tables: { sessions, users } }) => {
      const [found] = await query.select().from(users).where(eq(users.username, username));
      if (found === undefined) throw new Error(`No account of ${username}`);
      const expiresAt = new Date((now + rowEndsIn) * 1000);
      await query.insert(sessions).values({ id: jti, userId: found.id, createdAt: new Date(), expiresAt });
      return found;
    });
    const times = { iat: now - HOUR_S, exp: now + tokenEndsIn };
    // The role in a token is ignored. That of the account counts.
    const claims = { sub: user.id, name: username, role: "admin", jti, iss: config.jwtIssuer, aud: "cpm-registry" };
    return this.#with(person, signJwt({ ...claims, ...times }, key));
  }

  /**
   * Disables an account and leaves its token, which `admin disable` would revoke, to be refused.
   */
  async #disable(): Promise<void> {
    const { username } = this.person("disabled");
    await this.registry.deps.db.write(async ({ query, tables: { users } }) => {
      await query.update(users).set({ disabledAt: new Date() }).where(eq(users.username, username));
    });
  }

  async #makeTokens(): Promise<void> {
    for (const name of ROLE_NAMES) {
      const { person, scopes, isForOthers }: Role = ROLES[name];
      const packages = [isForOthers === true ? "elsewhere-*" : `${PREFIX}*`];
      if (scopes !== undefined) this.#clients[name] = await withToken(this.person(person), scopes, packages);
    }
    this.#clients["token of a disabled account"] = await withToken(this.person("disabled"), ALL_SCOPES);
  }

  /** Credentials that were valid a moment ago, and invented ones. */
  async #makeBad(): Promise<void> {
    const { registry } = this;
    const owner = this.person("owner");
    const make = async () => (await owner.post("/api/auth/tokens", { label: "a test", scopes: ALL_SCOPES })).body;
    const [expired, revoked, right] = [await make(), await make(), await make()];
    await registry.deps.db.write(async ({ query, tables: { apiTokens } }) => {
      await query.update(apiTokens).set({ expiresAt: new Date() }).where(eq(apiTokens.id, expired.id));
    });
    await owner.send("DELETE", `/api/auth/tokens/${revoked.id}`);
    this.#revokedId = revoked.id;
    const ended = await this.newSession("owner");
    await ended.post("/api/auth/logout");
    this.#clients = {
      ...this.#clients,
      nobody: new Client(registry.url, undefined, owner.username),
      "expired token": this.#with("owner", expired.token),
      "revoked token": this.#with("owner", revoked.token),
      "forged token": this.#with("owner", tokenTextOf(randomBytes(64))),
      "mistyped token": this.#with("owner", right.token.slice(0, -1) + (right.token.endsWith("0") ? "1" : "0")),
      "session that ended": ended,
    };
  }
}
