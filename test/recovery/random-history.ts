import type { Chance } from "../faults/chance.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, type Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { addKey, cancelByKey, newKey, removeKey, resetTo } from "../support/key-statements.ts";
import { newAdmin } from "../support/roles.ts";
import type { LosingRegistry } from "./scene.ts";

const NAMES = ["ant", "bee", "cow", "dog"];
const ACCOUNTS_MAX = 4;

interface Person {
  readonly client: Client;
  readonly keys: SigningKey[];
}

/** Random changes of a registry by several people. Some are refused, which is as good. */
export class RandomHistory {
  readonly #people: Person[] = [];
  #admin: Client | undefined;
  #published = 0;
  /** Every version that was answered with 201. */
  readonly acknowledged: string[] = [];
  isRotated = false;

  constructor(
    readonly registry: LosingRegistry,
    readonly chance: Chance,
  ) {}

  get names(): readonly string[] {
    return NAMES;
  }

  /** Makes one random change. Throws for an answer that is no refusal. */
  async step(): Promise<void> {
    const name = this.chance.pick(NAMES) ?? "";
    const answer = await this.#change(name);
    if (answer !== undefined && answer.status >= 500) throw new Error(`${answer.status} ${answer.text}`);
  }

  async #change(name: string): Promise<Answer | undefined> {
    const { chance } = this;
    const person = await this.#person();
    const { client, keys } = person;
    const [key, other] = [chance.pick(keys), chance.pick(keys)];
    if (key === undefined || other === undefined) return undefined;
    const dice = chance.between(1, 20);
    if (dice <= 9) return this.#publish(person, name, key);
    if (dice <= 11)
      return client.send("DELETE", this.#version(name), { reason: "broken", message: "It does not start." });
    if (dice === 12) return client.post(this.#version(name));
    if (dice === 13) {
      keys.push(await newKey(client));
      return undefined;
    }
    if (dice >= 18) return this.#moderate(name);
    const keysOf = await client.get(`/api/packages/${name}/keys`);
    if (keysOf.status !== 200) return undefined;
    if (dice <= 15) return addKey(client, name, other, { by: key });
    if (dice === 16) {
      const reason = chance.pick(["superseded", "compromised"]) ?? "";
      return removeKey(client, name, other, { by: key, reason });
    }
    return chance.between(0, 1) === 0
      ? resetTo(client, name, key)
      : cancelByKey(client, name, await this.#resetKey(client, name, other), { by: key });
  }

  /** The key that a pending reset brings, or another one. */
  async #resetKey(client: Client, name: string, other: SigningKey): Promise<SigningKey> {
    const { reset } = (await client.get(`/api/packages/${name}/keys`)).body;
    const all = this.#people.flatMap(({ keys }) => keys);
    return all.find(({ publicHex }) => publicHex === reset?.publicKey) ?? other;
  }

  async #publish({ client }: Person, name: string, key: SigningKey): Promise<Answer> {
    this.#published += 1;
    const version = `1.0.${this.#published}`;
    const answer = await client.publish(name, version, makePackage({ name, version }), key);
    if (answer.status === 201) this.acknowledged.push(`${name} ${version}`);
    return answer;
  }

  #version(name: string): string {
    const known = this.acknowledged.filter((text) => text.startsWith(`${name} `));
    return `/api/packages/${name}/${this.chance.pick(known)?.split(" ")[1] ?? "1.0.0"}`;
  }

  async #moderate(name: string): Promise<Answer> {
    this.#admin ??= await newAdmin(this.registry);
    const path = this.chance.between(0, 1) === 0 ? `/api/packages/${name}` : this.#version(name);
    const isLift = this.chance.between(0, 1) === 0;
    const body = isLift ? undefined : { reason: "It mines coins.", category: "malware" };
    return this.#admin.send(isLift ? "DELETE" : "PUT", `${path}/quarantine`, body);
  }

  async #person(): Promise<Person> {
    if (this.#people.length < ACCOUNTS_MAX && this.chance.between(1, 4) === 1) await this.#join();
    if (this.#people.length === 0) await this.#join();
    const person = this.chance.pick(this.#people);
    if (person === undefined) throw new Error("Nobody is there");
    return person;
  }

  async #join(): Promise<void> {
    this.#people.push({ client: await newAccount(this.registry, "person"), keys: [makeKey()] });
  }
}
