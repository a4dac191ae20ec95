import { afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { makePackage } from "./archive-maker.ts";
import { Client, type Json, makeKey, newAccount, PASSWORD, type SigningKey } from "./client.ts";
import { register } from "./key-statements.ts";
import type { TestRegistry } from "./registry.ts";
import { eventsOf, withToken } from "./roles.ts";

export const HOUR_MS = 60 * 60_000;
export const RESET_DELAY_MS = 72 * HOUR_MS;

/**
 * Alice, who has a key that she loses and a new one, and Bob, in a registry whose clock tests move.
 * Hooks of the calling group of tests set it up.
 */
export function resetScene(registry: () => TestRegistry) {
  const [lost, fresh] = [makeKey(), makeKey()];
  const people = { alice: new Client(""), bob: new Client(""), publisher: new Client("") };
  let start = 0;
  const guest = () => new Client(registry().url);
  /** The time that many milliseconds after the start of a test. */
  const timeAt = (ms: number) => new Date(start + ms);
  const at = (ms: number) => {
    registry().now = timeAt(ms);
  };
  /** Publishes with a token of Alice, which lives longer than her session. */
  const publish = (name: string, version: string, key: SigningKey) =>
    people.publisher.publish(name, version, makePackage({ name, version }), key);
  const published = async (name: string) => {
    expect((await publish(name, "1.0.0", lost)).status).toBe(201);
  };
  const read = async (name: string): Promise<Json> => (await guest().get(`/api/packages/${name}/keys`)).body;
  const stateOf = async (name: string) =>
    (await read(name)).keys.map(({ publicKey, status }: Json) => [publicKey, status]);
  const cancel = (by: Client, name: string, body?: object) =>
    by.send("DELETE", `/api/packages/${name}/keys/reset`, body);
  const eventsAbout = async (name: string, kind: string) =>
    (await eventsOf(registry(), `package_key.${kind}`, name)).map(({ by, details }) => [by, details]);
  /** The same account with a new session, because no session lives as long as a reset waits. */
  const again = async ({ username }: Client) => {
    const { body } = await guest().post("/api/auth/login", { username, password: PASSWORD });
    return new Client(registry().url, body.token, username);
  };

  beforeAll(async () => {
    people.alice = await newAccount(registry(), "alice");
    people.bob = await newAccount(registry(), "bob");
    people.publisher = await withToken(people.alice, ["publish-new", "publish-update"]);
    for (const key of [lost, fresh]) expect((await register(people.alice, key)).status).toBe(201);
  });
  beforeEach(async () => {
    // Statements have whole seconds, and so has the moment at which a reset takes effect.
    start = Math.floor(Date.now() / 1_000) * 1_000;
    at(0);
    people.alice = await again(people.alice);
    people.bob = await again(people.bob);
  });
  afterEach(() => {
    registry().now = undefined;
  });
  return { people, lost, fresh, guest, timeAt, at, publish, published, read, stateOf, cancel, eventsAbout, again };
}
