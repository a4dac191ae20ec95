import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { auditLog } from "../../src/verify/audit.ts";
import { firstState } from "../../src/verify/audit-state.ts";
import { KnownKeys } from "../../src/verify/known-keys.ts";
import { checkLeaf, withholdingAction } from "../../src/verify/leaf-rules.ts";
import { RegistryClient } from "../../src/verify/registry-client.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, Client, type Json, makeKey, newAccount, PASSWORD, type SigningKey } from "../support/client.ts";
import { addKey, cancelByKey, register, removeKey, resetTo } from "../support/key-statements.ts";
import { randomFrom } from "../support/random.ts";
import { type DatabaseKind, startRegistry, TEST_LOG_ORIGIN, type TestRegistry } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { leavesOfBundle, type Replayed, replayLog } from "./independent-replay.ts";
import { MODERATION, type Moderation, moderate } from "./moderation-commands.ts";
import { MUTATIONS, mutate } from "./mutations.ts";

/*
 * Random histories of a package on a real registry. The registry's answers, `log audit` and a
 * second replay written from trust.md must agree on who may sign, and on which leaf is wrong.
 */

const LONG = process.env.TEST_LONG === "1";
const RUNS = LONG ? 300 : 40;
const HOUR_MS = 3_600_000;
const KEYS = [makeKey(), makeKey(), makeKey(), makeKey()] as const;
setDefaultTimeout(LONG ? 900_000 : 60_000);

const key = fc.constantFrom(0, 1, 2, 3);
const who = fc.constantFrom("alice", "bob");
const COMMANDS = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("publish" as const), key, who }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), key, by: key, who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      key,
      by: key,
      who,
      reason: fc.constantFrom("superseded", "compromised"),
      since: fc.option(fc.nat(3), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("reset" as const), key, who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancelByKey" as const), key, by: key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("bobOwns" as const), owns: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(500, 61_250, HOUR_MS) }),
  },
  { weight: 6, arbitrary: MODERATION },
  // Around the moment at which a reset takes effect, and well after it.
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("due" as const), ms: fc.constantFrom(-1_000, -1, 0, 5_000) }) },
);
type Command = typeof COMMANDS extends fc.Arbitrary<infer T> ? T : never;

/** Every kind of change once, so that each way to tamper finds its leaf. */
const ROTATION: Command[] = [
  { kind: "add", key: 1, by: 0, who: "alice" },
  { kind: "publish", key: 1, who: "alice" },
  { kind: "remove", key: 0, by: 1, who: "alice", reason: "superseded", since: undefined },
  { kind: "add", key: 2, by: 1, who: "alice" },
  { kind: "remove", key: 1, by: 2, who: "alice", reason: "compromised", since: 1 },
  { kind: "reset", key: 3, who: "alice" },
  { kind: "cancelByKey", key: 3, by: 2 },
  { kind: "reset", key: 0, who: "alice" },
  { kind: "due", ms: -1_000 },
  { kind: "publish", key: 2, who: "alice" },
  { kind: "uphold" },
  { kind: "cancelByKey", key: 0, by: 2 },
  { kind: "quarantine", minor: 1, category: "malware" },
  { kind: "quarantine", minor: null, category: "legal" },
  { kind: "publish", key: 2, who: "alice" },
  { kind: "release", minor: null },
  { kind: "takeDown", minor: 1, category: "secret" },
  { kind: "quarantine", minor: 1, category: "policy" },
  { kind: "due", ms: 0 },
  { kind: "publish", key: 0, who: "alice" },
];

/** A registry, two people who have every key, and what was read of its log. */
class Scene {
  readonly leaves: string[] = [];
  people = { alice: new Client(""), bob: new Client("") };
  publishers = { alice: new Client(""), bob: new Client("") };
  #packages = 0;
  #loggedInMs = 0;

  private constructor(readonly registry: TestRegistry) {}

  static async start(kind: DatabaseKind): Promise<Scene> {
    const scene = new Scene(await startRegistry(kind, { env: { PUBLISH_LIMITS: "off" } }));
    scene.wait(0);
    for (const name of ["alice", "bob"] as const) {
      const account = await newAccount(scene.registry, name);
      for (const owned of KEYS) expect((await register(account, owned)).status).toBe(201);
      scene.people[name] = account;
      scene.publishers[name] = await withToken(account, ["publish-new", "publish-update"]);
    }
    return scene;
  }

  get nowMs(): number {
    return this.registry.now?.getTime() ?? Date.now();
  }

  wait(ms: number): void {
    this.registry.now = new Date(this.nowMs + ms);
  }

  newPackage(): string {
    this.#packages += 1;
    return `history-${this.#packages}`;
  }

  /** Sessions do not live as long as a reset waits. Tokens do, for a while. */
  async logIn(): Promise<void> {
    if (this.nowMs - this.#loggedInMs < HOUR_MS / 2) return;
    this.#loggedInMs = this.nowMs;
    const { url } = this.registry;
    for (const name of ["alice", "bob"] as const) {
      const { username } = this.people[name];
      const { body } = await new Client(url).post("/api/auth/login", { username, password: PASSWORD });
      this.people[name] = new Client(url, body.token, username);
      this.publishers[name] = await withToken(this.people[name], ["publish-new", "publish-update"]);
    }
  }

  /** Reads the leaves that were added since the last call. */
  async read(): Promise<readonly string[]> {
    const text = await (await fetch(`${this.registry.url}/log/checkpoint`)).text();
    const size = Number(text.split("\n")[1]);
    while (this.leaves.length < size) {
      const bundle = Math.floor(this.leaves.length / 256);
      const width = Math.min(256, size - bundle * 256);
      const path = `/log/tile/entries/${String(bundle).padStart(3, "0")}${width < 256 ? `.p/${width}` : ""}`;
      const body = Buffer.from(await (await fetch(`${this.registry.url}${path}`)).arrayBuffer());
      this.leaves.push(...leavesOfBundle(body).slice(this.leaves.length - bundle * 256));
    }
    return this.leaves;
  }

  async audit() {
    const client = new RegistryClient(this.registry.url, undefined);
    const { dataDir } = this.registry;
    const knownKeys = new KnownKeys(join(dataDir, "known-keys.json"));
    const seenLogs = new SeenLogs(join(dataDir, "seen"));
    const trust = { client, seenLogs, knownKeys, vkey: undefined, policy: undefined, now: new Date(this.nowMs) };
    const audit = await auditLog(client, trust, { archives: false, report: () => undefined });
    return { fault: audit.fault, problems: audit.problems, failed: audit.checks.filter((c) => c.result === "failed") };
  }
}

/** One package, and the next version of it. */
interface PackageState {
  readonly name: string;
  published: number;
  bobOwns: boolean;
}

const nameOf = (leaf: string) => leaf.split(" ")[1] ?? "";
const ofPackage = (leaves: readonly string[], name: string) => leaves.filter((leaf) => nameOf(leaf) === name);

async function perform(scene: Scene, state: PackageState, command: Command): Promise<void> {
  const { name } = state;
  const before = ofPackage(await scene.read(), name);
  const replayed = replayLog(before, TEST_LOG_ORIGIN, scene.nowMs);
  const { reset } = replayed.stateAt(name, scene.nowMs);
  if (command.kind === "wait") return scene.wait(command.ms);
  if (command.kind === "due") return scene.wait(Math.max(0, (reset?.dueMs ?? scene.nowMs) + command.ms - scene.nowMs));
  if (isModeration(command)) return performModeration(scene, state, command, before);
  await scene.logIn();
  const answer = await ask(scene, state, command);
  const after = ofPackage(await scene.read(), name);
  const changed = after.length - before.length;
  // A change that is refused leaves nothing in the log, and one that is accepted does.
  if (command.kind !== "bobOwns")
    expect([command, answer.body, changed > 0]).toEqual([command, answer.body, answer.status < 300]);
  const allowed = isAllowed(scene, state, command, replayed);
  if (allowed !== undefined)
    expect([command, answer.body, answer.status < 300]).toEqual([command, answer.body, allowed]);
  if (command.kind === "publish" && answer.status < 300) state.published += 1;
}

function isModeration(command: Command): command is Moderation {
  return ["quarantine", "release", "takeDown", "uphold"].includes(command.kind);
}

/** Administrators may do everything; what changes nothing leaves no leaf. */
async function performModeration(
  scene: Scene,
  { name, published }: PackageState,
  command: Moderation,
  before: readonly string[],
): Promise<void> {
  const isThere = command.kind === "uphold" || command.minor === null || command.minor < published;
  if (command.kind === "takeDown" && !isThere) return;
  expect([command, await moderate(scene.registry, name, command)]).toEqual([command, isThere]);
  const added = ofPackage(await scene.read(), name).length - before.length;
  expect([command, added <= (isThere ? 1 : 0)]).toEqual([command, true]);
}

const keyAt = (at: number): SigningKey => KEYS[at] ?? KEYS[0];

async function ask(scene: Scene, state: PackageState, command: Command): Promise<Answer> {
  const { name } = state;
  const { alice, bob } = scene.people;
  switch (command.kind) {
    case "publish": {
      const version = `1.${state.published}.0`;
      return scene.publishers[command.who].publish(name, version, makePackage({ name, version }), keyAt(command.key));
    }
    case "add":
      return addKey(scene.people[command.who], name, keyAt(command.key), { by: keyAt(command.by) });
    case "remove": {
      const { since, reason } = command;
      const named = since === undefined || reason === "superseded" ? {} : { since: `1.${since}.0` };
      const removal = { by: keyAt(command.by), reason, ...named };
      return removeKey(scene.people[command.who], name, keyAt(command.key), removal);
    }
    case "reset":
      return resetTo(scene.people[command.who], name, keyAt(command.key));
    case "cancel":
      return scene.people[command.who].send("DELETE", `/api/packages/${name}/keys/reset`);
    case "cancelByKey":
      return cancelByKey(new Client(scene.registry.url), name, keyAt(command.key), { by: keyAt(command.by) });
    case "bobOwns": {
      const address = `/api/packages/${name}/owners/${bob.username}`;
      state.bobOwns = command.owns;
      if (!command.owns) return alice.send("DELETE", address);
      await alice.send("PUT", address);
      return bob.send("PUT", address);
    }
    default:
      throw new Error("A clock asks nothing");
  }
}

/** Whether the second replay lets a command pass; undefined where other rules decide too. */
function isAllowed(
  { nowMs }: Scene,
  { name, bobOwns }: PackageState,
  command: Command,
  replayed: Replayed,
): boolean | undefined {
  const { reset, compromised } = replayed.stateAt(name, nowMs);
  const may = (at: number) => replayed.maySign(name, keyAt(at).publicHex, nowMs);
  const isNew = (at: number) => !may(at) && !compromised.has(keyAt(at).publicHex);
  if ("who" in command && command.who === "bob" && !bobOwns) return false;
  switch (command.kind) {
    case "publish": {
      const status = replayed.withheld(name, "*");
      // The registry does not know a takedown that the test appended.
      return status === "remove" ? undefined : status === undefined && may(command.key);
    }
    case "add":
      return isNew(command.key) && may(command.by);
    case "remove":
      return may(command.by) && reset?.key !== keyAt(command.key).publicHex ? undefined : false;
    case "reset":
      return isNew(command.key) && reset === null ? undefined : false;
    case "cancel":
      return reset !== null;
    case "cancelByKey":
      return reset?.key === keyAt(command.key).publicHex && !reset.upheld && may(command.by);
    default:
      return undefined;
  }
}

/** Compares what the registry, `log audit` and the second replay say of a package. */
async function expectAgreement(scene: Scene, { name, published }: PackageState): Promise<void> {
  const replayed = replayLog(await scene.read(), TEST_LOG_ORIGIN, scene.nowMs);
  const { body } = await new Client(scene.registry.url).get(`/api/packages/${name}/keys`);
  const active = body.keys.filter(({ status }: Json) => status === "active").map(({ publicKey }: Json) => publicKey);
  const { reset } = replayed.stateAt(name, scene.nowMs);
  expect(active.toSorted()).toEqual([...replayed.trustedAt(name, scene.nowMs)].toSorted());
  expect(body.reset?.publicKey ?? null).toBe(reset?.key ?? null);
  expect(body.reset === null ? null : Date.parse(body.reset.effectiveAt)).toBe(reset?.dueMs ?? null);
  expect(replayed.problems).toEqual([]);
  expect(await scene.audit()).toEqual({ fault: undefined, problems: [], failed: [] });
  const { history } = await judge(ofPackage(await scene.read(), name), scene.nowMs);
  for (let minor = 0; minor < published; minor += 1) {
    const [version, withheld] = [`1.${minor}.0`, replayed.withheld(name, `1.${minor}.0`)];
    expect([version, withholdingAction({ name, version }, history)]).toEqual([version, withheld]);
    // The registry does not know the takedown that the test appended.
    if (withheld === "remove") continue;
    const { status } = await fetch(`${scene.registry.url}/api/packages/${name}/${version}/download`);
    expect([version, status]).toEqual([version, withheld === undefined ? 200 : 403]);
  }
}

/**
 * What the audit's rules keep of a log of leaves that nobody signed, and the indexes of those that
 * they call wrong.
 */
async function judge(leaves: readonly string[], nowMs: number) {
  const { history } = firstState(false);
  const context = { history, origin: TEST_LOG_ORIGIN, archives: undefined, nowMs, looked: undefined, changes: [] };
  const found = await Promise.all(leaves.map((leaf, index) => checkLeaf(Buffer.from(leaf), index, context)));
  return { history, problems: found.flatMap((problem) => problem?.index ?? []) };
}

async function expectSameProblem(leaves: readonly string[], nowMs: number): Promise<number | undefined> {
  const {
    problems: [first],
  } = await judge(leaves, nowMs);
  const [second] = replayLog(leaves, TEST_LOG_ORIGIN, nowMs).problems;
  expect([first, leaves]).toEqual([second, leaves]);
  return first;
}

const KINDS: readonly DatabaseKind[] = LONG ? ["sqlite", "postgres"] : ["sqlite"];
describe.each(KINDS)("random histories (%s)", (kind) => {
  let scene: Scene;
  const stories: { readonly leaves: readonly string[]; readonly nowMs: number }[] = [];
  beforeAll(async () => {
    scene = await Scene.start(kind);
  });
  afterAll(async () => scene?.registry.stop());

  test("registry, audit and a second replay agree on who may sign, and that nothing is wrong", async () => {
    const history = fc.array(COMMANDS, { minLength: 4, maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(history, async (commands) => {
        const state: PackageState = { name: scene.newPackage(), published: 0, bobOwns: false };
        await scene.logIn();
        await perform(scene, state, { kind: "publish", key: 0, who: "alice" });
        for (const command of commands) await perform(scene, state, command);
        await expectAgreement(scene, state);
        stories.push({ leaves: ofPackage(await scene.read(), state.name), nowMs: scene.nowMs });
      }),
      { numRuns: RUNS, endOnFailure: true, examples: [[ROTATION]] },
    );
  });

  test("on a changed log, audit and the second replay name a problem at the same leaf, or none", async () => {
    const named = new Set<string>();
    const random = randomFrom(stories.length);
    for (const [number, { leaves, nowMs }] of stories.entries()) {
      for (const mutation of MUTATIONS) {
        // The first story has every kind of change, so it gets every way to change it.
        for (let tries = number === 0 ? 64 : 2; tries > 0; tries -= 1) {
          const [at, other] = [random(1_000), random(1_000)];
          const changed = mutate(mutation, leaves, { at, other, keys: KEYS, origin: TEST_LOG_ORIGIN });
          if (changed === undefined) continue;
          const problem = await expectSameProblem(changed.leaves, nowMs);
          if (changed.mustFailAt !== undefined) expect([mutation, problem]).toEqual([mutation, changed.mustFailAt]);
          if (problem !== undefined) named.add(mutation);
        }
      }
    }
    expect([...named].toSorted()).toEqual([...MUTATIONS].toSorted());
  });

  test("leaves that the log's own code appends are found by audit and by the second replay", async () => {
    const { db, log } = scene.registry.deps;
    const before = await scene.read();
    for (const mutation of ["stranger adds a key", "reset that is too old"] as const) {
      const changed = mutate(mutation, before, {
        at: before.length - 1,
        other: 0,
        keys: KEYS,
        origin: TEST_LOG_ORIGIN,
      });
      if (changed?.mustFailAt === undefined) throw new Error(`${mutation} appends nothing`);
      const forged = changed.leaves[changed.mustFailAt] ?? "";
      await db.write((session) => log.append(session, [forged]));
    }
    const { problems } = replayLog(await scene.read(), TEST_LOG_ORIGIN, scene.nowMs);
    expect(problems).toHaveLength(2);
    expect((await scene.audit()).problems.map(({ index }) => index)).toEqual([...problems]);
  });
});
