import fc from "fast-check";
import { type Actor, sessionActor, type TokenScope, tokenActor } from "../../src/accounts/actor.ts";
import type { UserRow } from "../../src/accounts/user.ts";
import type { DbSession } from "../../src/db/database.ts";
import { parseDigest } from "../../src/domain/digest.ts";
import { LONG_MANIFESTS_MAX_BYTES } from "../../src/domain/limits.ts";
import { foldName, parsePackageName } from "../../src/domain/package-name.ts";
import { skeletonOf } from "../../src/domain/similar-names.ts";
import { versionRow } from "../../src/packages/version-rows.ts";
import type { PendingPublication } from "../../src/publish/insert-versions.ts";
import { PublishTimer } from "../../src/publish/measure.ts";
import { type VerifiedPublication, verifyPublication } from "../../src/publish/verify-publication.ts";
import { makePackage } from "./archive-maker.ts";
import { makeKey, sha256, signMessage, statementOf } from "./client.ts";
import type { TestRegistry } from "./registry.ts";

/* Random states of everything that a decision about a publish depends on, written as rows. */

const HOUR_MS = 3_600_000;
export const NEW_NAMES_PER_HOUR = 2;
export const VERSIONS_PER_HOUR = 3;

/**
 * The state around one publish. The first value of each field is the one with which the publish is
 * on the fast path.
 */
export const STATE = {
  package: ["present", "absent", "named alike"],
  publisher: ["owner", "stranger"],
  status: ["active", "deprecated", "archived"],
  quarantine: ["none", "of the package"],
  lists: ["listed", "not listed"],
  manifests: ["room left", "full"],
  manifest: ["short", "long"],
  pinned: ["active", "superseded", "compromised", "none"],
  reset: ["none", "to this key, pending", "to this key, due", "to another key, due"],
  accountKey: ["active", "retired", "another", "none"],
  version: ["new", "the same", "with another key", "with other bytes"],
  versionsUsed: [0, VERSIONS_PER_HOUR - 1, VERSIONS_PER_HOUR],
  namesUsed: [0, NEW_NAMES_PER_HOUR - 1, NEW_NAMES_PER_HOUR],
  credential: ["session", "token", "ended session", "revoked token", "disabled account"],
  scope: ["both", "publish-update", "publish-new", "read"],
  pattern: ["*", "exact", "another"],
  lookalike: ["none", "popular"],
} as const;

export type State = { readonly [K in keyof typeof STATE]: (typeof STATE)[K][number] };

/**
 * Chooses the first value of a field eight times as often as each other one, so that most random
 * states differ in few fields.
 */
function fieldOf<T>([first, ...others]: readonly T[]): fc.Arbitrary<T> {
  const rare = others.map((value) => ({ weight: 1, arbitrary: fc.constant(value) }));
  return fc.oneof({ weight: 8, arbitrary: fc.constant(first as T) }, ...rare);
}

/** Random states. */
export const anyState: fc.Arbitrary<State> = fc.record({
  package: fieldOf(STATE.package),
  publisher: fieldOf(STATE.publisher),
  status: fieldOf(STATE.status),
  quarantine: fieldOf(STATE.quarantine),
  lists: fieldOf(STATE.lists),
  manifests: fieldOf(STATE.manifests),
  manifest: fieldOf(STATE.manifest),
  pinned: fieldOf(STATE.pinned),
  reset: fieldOf(STATE.reset),
  accountKey: fieldOf(STATE.accountKey),
  version: fieldOf(STATE.version),
  versionsUsed: fieldOf(STATE.versionsUsed),
  namesUsed: fieldOf(STATE.namesUsed),
  credential: fieldOf(STATE.credential),
  scope: fieldOf(STATE.scope),
  pattern: fieldOf(STATE.pattern),
  lookalike: fieldOf(STATE.lookalike),
});

const key = makeKey();
const otherKey = makeKey();
let names = 0;

/** A name whose skeleton no other name has. */
function newName(): string {
  names += 1;
  const letters = [...names.toString(8)].map((digit) => "abcdefgh"[Number(digit)]).join("");
  return `decided-${letters}`;
}

async function newUser({ query, tables }: DbSession, now: Date, disabledAt: Date | null = null): Promise<UserRow> {
  const id = crypto.randomUUID();
  const row = { id, username: id, usernameFolded: id, email: id, emailFolded: id, passwordHash: "none" };
  const [user] = await query
    .insert(tables.users)
    .values({ ...row, role: "user", createdAt: now, disabledAt })
    .returning();
  if (user === undefined) throw new Error("No user was inserted");
  return user;
}

/** Scopes that the state's token has. */
function scopesOf(scope: State["scope"]): TokenScope[] {
  return scope === "both" ? ["publish-new", "publish-update"] : [scope];
}

async function newActor(session: DbSession, state: State, name: string, now: Date): Promise<Actor> {
  const { query, tables } = session;
  const user = await newUser(session, now, state.credential === "disabled account" ? now : null);
  const id = crypto.randomUUID();
  const later = new Date(now.getTime() + HOUR_MS);
  if (!state.credential.includes("token")) {
    const expiresAt = state.credential === "ended session" ? now : later;
    await query.insert(tables.sessions).values({ id, userId: user.id, createdAt: now, expiresAt });
    return sessionActor(user, id, null);
  }
  const grant = {
    id,
    scopes: scopesOf(state.scope),
    packages: [state.pattern === "exact" ? name : state.pattern === "another" ? `${name}x` : "*"],
  };
  const revokedAt = state.credential === "revoked token" ? now : null;
  const row = { userId: user.id, label: "test", tokenSha256: id, createdAt: now, expiresAt: later, revokedAt };
  await query.insert(tables.apiTokens).values({ ...grant, ...row });
  return tokenActor(user, grant, null);
}

async function verified({ deps }: TestRegistry, publisher: Actor, name: string): Promise<VerifiedPublication> {
  const archive = makePackage({ name, version: "1.0.0" });
  const digest = parseDigest(sha256(archive));
  if (digest === undefined) throw new Error("No digest");
  return verifyPublication(
    { ...deps, timer: new PublishTimer(deps) },
    {
      publisher,
      received: { digest, size: archive.length, path: "not-read", bytes: archive },
      signature: signMessage(key, statementOf(name, "1.0.0", archive)),
      publicKey: key.publicHex,
      scheme: "cpm-v1",
      statedName: undefined,
      statedVersion: undefined,
      metadata: undefined,
      dryRun: false,
      allowSecrets: false,
    },
  );
}

async function insertPackage({ query, tables }: DbSession, text: string, by: string, at: Date, more: object = {}) {
  const name = parsePackageName(text);
  if (name === undefined) throw new Error(`${text} is no name`);
  const derived = { nameFolded: foldName(name), nameSkeleton: skeletonOf(name) };
  const shown = { description: "", tags: [], listed: true, downloads: 0, updatedAt: at };
  const [row] = await query
    .insert(tables.packages)
    .values({ name, ...derived, ...shown, createdAt: at, createdBy: by, ...more })
    .returning();
  if (row === undefined) throw new Error("No package was inserted");
  return row;
}

/** Writes the package of the state, its owner, keys, reset and version. */
async function insertScene(session: DbSession, state: State, publication: VerifiedPublication, now: Date) {
  const { query, tables } = session;
  const { publisher, inspection } = publication;
  const { name } = inspection.manifest;
  const before = new Date(now.getTime() - 2 * HOUR_MS);
  const longAgo = new Date(now.getTime() - 30 * 24 * HOUR_MS);
  const stranger = await newUser(session, before);
  // Another account may have the same key. That must not let this publisher pass as an owner.
  const sameKey = { userId: stranger.id, publicKey: key.publicHex, label: "test", createdAt: before, retiredAt: null };
  await query.insert(tables.accountKeys).values(sameKey);
  if (state.lookalike === "popular")
    await insertPackage(session, `${name}s`, stranger.id, longAgo, { downloads: 1_000 });
  if (state.package === "absent") return;
  const owned = await insertPackage(
    session,
    state.package === "present" ? name : name.replace("-", "_"),
    stranger.id,
    before,
    {
      status: state.status,
      listed: state.lists === "listed",
      longManifestBytes: state.manifests === "full" ? LONG_MANIFESTS_MAX_BYTES : 0,
      ...(state.quarantine === "none" ? {} : { quarantinedAt: before, quarantineReason: "test" }),
    },
  );
  const owner = state.publisher === "owner" ? publisher.user : stranger;
  await query.insert(tables.packageOwners).values({ packageId: owned.id, userId: owner.id, createdAt: before });
  await insertKeys(session, state, owned.id, before, now);
  if (state.version === "new") return;
  const row = { ...versionRow(owned.id, publication, before), publishedBy: stranger.id, logIndex: 0 };
  const differing = {
    "the same": {},
    "with another key": { publicKey: otherKey.publicHex },
    "with other bytes": { sha256: "0".repeat(64) },
  };
  await query.insert(tables.versions).values({ ...row, ...differing[state.version] });
}

async function insertKeys({ query, tables }: DbSession, state: State, packageId: number, before: Date, now: Date) {
  const pinned = { packageId, addedAt: before };
  await query.insert(tables.packageKeys).values({ ...pinned, publicKey: otherKey.publicHex, status: "active" });
  if (state.pinned !== "none") {
    await query.insert(tables.packageKeys).values({ ...pinned, publicKey: key.publicHex, status: state.pinned });
  }
  if (state.reset === "none") return;
  const publicKey = state.reset.includes("this key") ? key.publicHex : otherKey.publicHex;
  const effectiveAt = state.reset.includes("due") ? before : new Date(now.getTime() + HOUR_MS);
  await query
    .insert(tables.packageKeyResets)
    .values({ packageId, publicKey, requestedBy: "test", requestedAt: before, effectiveAt });
}

/** Writes the keys of the account and what it published within the hour. */
async function insertAccount(session: DbSession, state: State, publication: VerifiedPublication, now: Date) {
  const { query, tables } = session;
  const userId = publication.publisher.user.id;
  if (state.accountKey !== "none") {
    const publicKey = state.accountKey === "another" ? otherKey.publicHex : key.publicHex;
    const retiredAt = state.accountKey === "retired" ? now : null;
    await query.insert(tables.accountKeys).values({ userId, publicKey, label: "test", createdAt: now, retiredAt });
  }
  const lately = new Date(now.getTime() - 60_000);
  for (let made = 0; made < state.namesUsed; made += 1) await insertPackage(session, newName(), userId, lately);
  if (state.versionsUsed === 0) return;
  const other = await insertPackage(session, newName(), userId, new Date(now.getTime() - 2 * HOUR_MS));
  for (let made = 0; made < state.versionsUsed; made += 1) {
    const version = `0.0.${made}`;
    const row = { ...versionRow(other.id, publication, lately), version, versionKey: version, logIndex: 0 };
    await query.insert(tables.versions).values(row);
  }
}

/**
 * Writes a state as rows and returns the publication that it is about, before any decision about
 * it.
 */
export async function makeScene(registry: TestRegistry, state: State): Promise<PendingPublication> {
  const { db, clock } = registry.deps;
  const now = clock();
  const name = newName();
  const publisher = await db.write((session) => newActor(session, state, name, now));
  const checked = await verified(registry, publisher, name);
  const publication = { ...checked, longManifestBytes: state.manifest === "long" ? 1 : 0 };
  await db.write(async (session) => {
    await insertScene(session, state, publication, now);
    await insertAccount(session, state, publication, now);
  });
  return { publication, now, requireBlob: async () => undefined };
}
