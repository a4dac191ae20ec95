import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkHealth } from "../../src/health/health.ts";
import { rotateKey } from "../../src/log/change-key.ts";
import { insertLogChange, writeLogKey } from "../../src/log/log-changes.ts";
import { nodeReader, readState, writeState } from "../../src/log/log-rows.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { formatExtra, parseExtra } from "../../src/tlog/history.ts";
import { logText, type UnsignedLogEntry, unsignedLogText } from "../../src/tlog/log-leaf.ts";
import { inclusionProof, leafHash } from "../../src/tlog/merkle.ts";
import { parseNote, type SignerKey, signatureLine, signNote } from "../../src/tlog/note.ts";
import { formatProof, parseProof } from "../../src/tlog/proof.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, type SigningKey } from "../support/client.ts";
import { addKey, newKey, removeKey } from "../support/key-statements.ts";
import { FIRST_LOG_KEY, newLogKey, reopenLog, restartLog, rotateLogKey, vkeyOf } from "../support/log-keys.ts";
import { startRegistry } from "../support/registry.ts";
import { forge, startProxy, type Tamper, textOf, Verifier } from "./scene.ts";

/* How verify and log audit follow a log whose key was replaced, or that began anew. */

const people: Verifier[] = [];
afterAll(async () => {
  for (const person of people) await person.remove();
});

async function somebody(): Promise<Verifier> {
  const person = await Verifier.make();
  people.push(person);
  return person;
}

/** A registry of its own, a proxy before it, and what people do with both. */
async function openScene() {
  const registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
  const proxy = startProxy(() => registry.url);
  const alice = await newAccount(registry);
  const key = makeKey();
  const publish = async (name: string, version: string, signer: SigningKey = key) => {
    expect((await alice.publish(name, version, makePackage({ name, version }), signer)).status).toBe(201);
  };
  const verify = async (person: Verifier, name: string, version: string, ...options: string[]) => {
    const file = await person.file("a.cpm", makePackage({ name, version }));
    const { codes } = await person.ask("verify", file, "--registry", proxy.url, ...options);
    return codes;
  };
  const audit = async (person: Verifier, ...options: string[]) => {
    return (await person.ask("log", "audit", "--registry", proxy.url, ...options)).codes;
  };
  const stop = async () => {
    await proxy.stop();
    await registry.stop();
  };
  return { registry, proxy, alice, key, publish, verify, audit, stop };
}
type Scene = Awaited<ReturnType<typeof openScene>>;

/** The names of the keys in the log's checkpoint. */
async function signersOf({ registry }: Scene): Promise<string[]> {
  const { checkpoint } = await registry.deps.db.read(readState);
  return (parseNote(checkpoint)?.signatures ?? []).map(({ keyId }) => keyId);
}

/** The key that a person remembers of the log. */
async function remembered({ home }: Verifier): Promise<string[]> {
  const directory = join(home, ".cpm/log");
  const files = (await readdir(directory)).filter((file) => /^(?!registry-).*\.json$/.test(file));
  return Promise.all(files.map(async (file) => (await Bun.file(join(directory, file)).json()).vkey));
}

/** The leaf of a change that these keys sign. */
function leafOf(entry: UnsignedLogEntry, signers: readonly SignerKey[]): string {
  const signatures = signers.map((signer) => signatureLine(unsignedLogText(entry), signer)).join("");
  return logText({ ...entry, signatures });
}

const rotation = (from: SignerKey, to: SignerKey) => {
  const at = new Date();
  return { action: "rotate", oldKey: vkeyOf(from), newKey: vkeyOf(to), at, until: at } as const;
};

/** Appends a leaf of any content, as somebody with the database and a running registry can. */
async function plantLeaf({ registry }: Scene, leaf: string): Promise<void> {
  const { db, log } = registry.deps;
  await db.write((session) => log.append(session, [leaf]));
}

/** Does a rotation with a leaf of any content in the database, and goes on with the key `to`. */
async function plantRotation({ registry }: Scene, leaf: string, to: SignerKey, present: SignerKey): Promise<void> {
  const { db, log } = registry.deps;
  // The registry's own guard does not know the key of its copy any more, and would stop it.
  await rm(join(registry.dataDir, CHECKPOINT_COPY), { force: true });
  await db.write(async (session) => {
    const { firstIndex: index, checkpoint } = await log.append(session, [leaf]);
    await insertLogChange(session, { index, leaf, checkpoint });
    await writeLogKey(session, { origin: to.name, vkey: vkeyOf(to) });
    // Otherwise the server would notice that its new key did not sign the tree.
    const { size, root } = await readState(session);
    const text = parseNote(checkpoint)?.text ?? "";
    await writeState(session, { size, root, checkpoint: signNote(text, to) });
  });
  await reopenLog(registry, [to, present]);
}

/** Signs every checkpoint that passes the proxy again. */
function resigning(sign: (note: string) => string): Tamper {
  return (path, body) => {
    if (path === "/log/checkpoint") return sign(textOf(body));
    const proof = path.endsWith("/proof") ? parseProof(textOf(body)) : undefined;
    return proof && textOf(body).replace(proof.checkpoint, sign(proof.checkpoint));
  };
}

describe("a log whose key is replaced twice", () => {
  let scene: Scene;
  let early: Verifier;
  let late: Verifier;
  let offline: Verifier;
  let proof: string;
  const [second, third] = [newLogKey(), newLogKey()];

  beforeAll(async () => {
    scene = await openScene();
    [early, late, offline] = [await somebody(), await somebody(), await somebody()];
    await scene.publish("hello", "1.0.0");
    for (const person of [early, late, offline]) expect(await scene.verify(person, "hello", "1.0.0")).toEqual([]);
    expect(await scene.audit(early)).toEqual([]);
    proof = (await scene.alice.get("/api/packages/hello/1.0.0/proof")).text;
    await rotateLogKey(scene.registry, FIRST_LOG_KEY, second);
    await scene.publish("hello", "1.1.0");
  });
  afterAll(() => scene.stop());

  test("while both keys sign, the old key verifies, and who verifies online remembers the new one", async () => {
    expect(await signersOf(scene)).toEqual([second.keyId, FIRST_LOG_KEY.keyId]);
    const saved = (await scene.alice.get("/api/packages/hello/1.1.0/proof")).text;
    const [file, at] = [
      await offline.file("p", saved),
      await offline.file("a", makePackage({ name: "hello", version: "1.1.0" })),
    ];
    expect((await offline.ask("verify", at, "--proof", file)).codes).toEqual([]);
    expect(await remembered(offline)).toEqual([vkeyOf(FIRST_LOG_KEY)]);
    expect(await scene.verify(early, "hello", "1.1.0")).toEqual([]);
    expect(await remembered(early)).toEqual([vkeyOf(second)]);
    expect(await scene.audit(early)).toEqual([]);
  });

  test("who knows only the first key follows two rotations after the old keys have ended", async () => {
    await rotateLogKey(scene.registry, second, third, 0);
    await reopenLog(scene.registry, [third]);
    await scene.publish("hello", "1.2.0");
    expect(await signersOf(scene)).toEqual([third.keyId]);
    expect(await scene.verify(late, "hello", "1.2.0")).toEqual([]);
    expect(await remembered(late)).toEqual([vkeyOf(third)]);
    expect(await scene.audit(early)).toEqual([]);
    expect(await scene.audit(await somebody(), "--vkey", vkeyOf(FIRST_LOG_KEY))).toEqual([]);
    expect(await scene.verify(await somebody(), "hello", "1.2.0", "--vkey", vkeyOf(second))).toEqual([]);
    expect(await scene.verify(early, "hello", "1.2.0", "--vkey", vkeyOf(third))).toEqual([]);
  });

  test("without a registry a new key is refused until it was followed once", async () => {
    const saved = (await scene.alice.get("/api/packages/hello/1.2.0/proof")).text;
    const [file, at] = [
      await offline.file("p", saved),
      await offline.file("a", makePackage({ name: "hello", version: "1.2.0" })),
    ];
    const refused = await offline.ask("verify", at, "--proof", file);
    expect([refused.codes, JSON.stringify(refused.answer)]).toEqual([
      ["checkpoint_unsigned"],
      expect.stringContaining("run it once with --registry"),
    ]);
    expect(await scene.verify(offline, "hello", "1.2.0")).toEqual([]);
    expect((await offline.ask("verify", at, "--proof", file)).codes).toEqual([]);
  });

  test("a replaced key alone convinces nobody who followed, not with an old proof and not with --vkey", async () => {
    const [file, at] = [
      await early.file("p", proof),
      await early.file("a", makePackage({ name: "hello", version: "1.0.0" })),
    ];
    expect((await early.ask("verify", at, "--proof", file)).codes).toEqual(["log_key_retired"]);
    scene.proxy.tamper = resigning((note) => forge(note, {}, FIRST_LOG_KEY));
    expect(await scene.verify(late, "hello", "1.2.0")).toContain("log_key_retired");
    expect(await scene.verify(late, "hello", "1.2.0", "--vkey", vkeyOf(FIRST_LOG_KEY))).toContain("log_key_retired");
    expect(await scene.audit(await somebody(), "--vkey", vkeyOf(FIRST_LOG_KEY))).toContain("log_key_retired");
    scene.proxy.tamper = () => undefined;
  });

  test("a server that runs on while the key is replaced appends nothing, and its health says so", async () => {
    const { deps } = scene.registry;
    const before = await deps.db.read(readState);
    const at = new Date();
    await rotateKey(deps, { from: third, to: newLogKey(), at, until: at });
    const archive = makePackage({ name: "hello", version: "1.3.0" });
    const refused = await scene.alice.publish("hello", "1.3.0", archive, scene.key);
    expect([refused.status, refused.body.code]).toEqual([503, "log_key_missing"]);
    expect(await checkHealth(deps)).toMatchObject({ checks: { log: "failing" }, warnings: ["log_key_missing"] });
    expect((await deps.db.read(readState)).size).toBe(before.size + 1);
  });
});

describe("rotations that nobody may believe", () => {
  let scene: Scene;
  let victim: Verifier;
  const [second, stranger] = [newLogKey(), newLogKey()];

  beforeAll(async () => {
    scene = await openScene();
    await scene.publish("hello", "1.0.0");
    victim = await somebody();
    expect(await scene.verify(victim, "hello", "1.0.0")).toEqual([]);
  });
  afterAll(() => scene.stop());

  test("a checkpoint that a new key signed, without a leaf, is refused; beside the old key it changes nothing", async () => {
    scene.proxy.tamper = resigning((note) => forge(note, {}, stranger));
    expect(await scene.verify(victim, "hello", "1.0.0")).toEqual(["checkpoint_unsigned"]);
    expect(await scene.audit(victim)).toContain("checkpoint_unsigned");
    scene.proxy.tamper = resigning((note) => note + signatureLine(parseNote(note)?.text ?? "", stranger));
    expect(await scene.verify(victim, "hello", "1.0.0")).toEqual([]);
    expect(await remembered(victim)).toEqual([vkeyOf(FIRST_LOG_KEY)]);
    scene.proxy.tamper = () => undefined;
  });

  test.each([
    ["nobody that it names signed", () => leafOf(rotation(FIRST_LOG_KEY, second), [stranger])],
    ["the new key alone signed", () => leafOf(rotation(FIRST_LOG_KEY, second), [second])],
    [
      "is of another registry",
      () => {
        const [from, to] = [newLogKey("other.test/log"), newLogKey("other.test/log")];
        return leafOf(rotation(from, to), [from, to]);
      },
    ],
  ])("a rotation leaf that %s is named by the audit", async (_, leaf) => {
    await plantLeaf(scene, leaf());
    expect(await scene.audit(await somebody())).toContain("log_change_invalid");
    expect(await scene.verify(victim, "hello", "1.0.0")).toEqual([]);
  });

  test.each([
    ["the new key alone signed", () => ({ leaf: leafOf(rotation(FIRST_LOG_KEY, second), [second]), to: second })],
    [
      "is of another registry",
      () => {
        const [from, to] = [newLogKey("other.test/log"), newLogKey("other.test/log")];
        return { leaf: leafOf(rotation(from, to), [from, to]), to: second };
      },
    ],
  ])("a log that goes on with a key whose rotation %s is refused by verify and audit", async (_, make) => {
    const other = await openScene();
    await other.publish("hello", "1.0.0");
    const person = await somebody();
    expect(await other.verify(person, "hello", "1.0.0")).toEqual([]);
    const { leaf, to } = make();
    await plantRotation(other, leaf, to, FIRST_LOG_KEY);
    await other.publish("hello", "2.0.0");
    expect(await other.verify(person, "hello", "2.0.0")).toContain("log_change_invalid");
    expect(await other.audit(person)).toContain("log_change_invalid");
    await other.stop();
  });

  test("a rotation back to a key that was replaced is refused, also with the signatures of both keys", async () => {
    const other = await openScene();
    await other.publish("hello", "1.0.0");
    await rotateLogKey(other.registry, FIRST_LOG_KEY, second);
    const person = await somebody();
    expect(await other.verify(person, "hello", "1.0.0")).toEqual([]);
    expect(await remembered(person)).toEqual([vkeyOf(second)]);
    const leaf = leafOf(rotation(second, FIRST_LOG_KEY), [second, FIRST_LOG_KEY]);
    await plantRotation(other, leaf, FIRST_LOG_KEY, second);
    await reopenLog(other.registry, [FIRST_LOG_KEY]);
    await other.publish("hello", "2.0.0");
    expect(await other.verify(person, "hello", "2.0.0")).toContain("log_key_retired");
    expect(await other.audit(await somebody())).toContain("log_change_invalid");
    await other.stop();
  });
});

describe("a new log in place of one whose key was lost", () => {
  let scene: Scene;
  let early: Verifier;
  let next: SigningKey;
  const fresh = newLogKey("registry.test/log-2");

  const changeKeys = async (client: Client, name: string, from: SigningKey, to: SigningKey) => {
    const registry = scene.registry.deps.log.origin;
    expect((await addKey(client, name, to, { by: from, registry })).status).toBe(200);
    expect((await removeKey(client, name, from, { by: to, registry })).status).toBe(200);
  };

  beforeAll(async () => {
    scene = await openScene();
    early = await somebody();
    await scene.publish("hello", "1.0.0");
    next = await newKey(scene.alice);
    await changeKeys(scene.alice, "hello", scene.key, next);
    await scene.publish("hello", "1.1.0", next);
    expect(await scene.verify(early, "hello", "1.1.0")).toEqual([]);
    expect(await scene.audit(early)).toEqual([]);
    await restartLog(scene.registry, fresh);
    const last = await newKey(scene.alice);
    await changeKeys(scene.alice, "hello", next, last);
    await scene.publish("hello", "2.0.0", last);
  });
  afterAll(() => scene.stop());

  test("who saw the old log is told of the new one, and what it continues, and accepts it with --vkey once", async () => {
    for (const name of ["verify", "audit"] as const) {
      const told = name === "verify" ? await scene.verify(early, "hello", "2.0.0") : await scene.audit(early);
      expect(told).toEqual(["log_restarted"]);
    }
    const refused = await early.ask("log", "audit", "--registry", scene.proxy.url);
    expect(JSON.stringify(refused.answer)).toContain("give it once: cpm-registry log audit --vkey '<key>'");
    expect(await scene.verify(early, "hello", "2.0.0", "--vkey", vkeyOf(fresh))).toEqual([]);
    for (const version of ["1.0.0", "1.1.0", "2.0.0"]) expect(await scene.verify(early, "hello", version)).toEqual([]);
    const { codes, answer } = await early.ask("log", "audit", "--registry", scene.proxy.url);
    expect([codes, answer.from]).toEqual([[], 4]);
  });

  test("who sees the registry for the first time verifies old and new versions, from a proof file too", async () => {
    expect(await scene.audit(await somebody())).toEqual([]);
    for (const version of ["1.0.0", "2.0.0"]) {
      expect(await scene.verify(await somebody(), "hello", version)).toEqual([]);
      const person = await somebody();
      const saved = (await scene.alice.get(`/api/packages/hello/${version}/proof`)).text;
      const [file, at] = [
        await person.file("p", saved),
        await person.file("a", makePackage({ name: "hello", version })),
      ];
      expect((await person.ask("verify", at, "--proof", file, "--vkey", vkeyOf(fresh))).codes).toEqual([]);
    }
  });

  test("a proof whose history names another old log than the registry proves is refused", async () => {
    const { db, log } = scene.registry.deps;
    const [{ size }, person] = [await db.read(readState), await somebody()];
    const root = Buffer.alloc(32).toString("hex");
    const other = vkeyOf(newLogKey("victim.test/log"));
    const start = { action: "start", oldKey: other, newKey: log.vkey, size, root, at: new Date() } as const;
    const leaf = leafOf(start, [fresh]);
    await plantLeaf(scene, leaf);
    const hashes = await db.read((session) => inclusionProof(size, size + 1, nodeReader(session, size + 1)));
    scene.proxy.tamper = (path, body) => {
      const proof = path.endsWith("/proof") ? parseProof(textOf(body)) : undefined;
      const extra = parseExtra(proof?.extra ?? Buffer.of());
      if (proof === undefined || extra === undefined) return undefined;
      const history = (extra.history ?? []).filter((entry) => !textOf(entry.leaf).startsWith("cpm.log/"));
      const planted = { index: size, leaf: Buffer.from(leaf), hashes };
      return formatProof({ ...proof, extra: formatExtra({ ...extra, history: [...history, planted] }) });
    };
    expect(await scene.verify(person, "hello", "2.0.0")).toEqual(["log_change_invalid"]);
    scene.proxy.tamper = () => undefined;
    expect(await scene.verify(person, "hello", "2.0.0")).toEqual([]);
    expect(await scene.audit(person)).toContain("log_change_invalid");
  });

  test("a log that hides that it began anew is refused, whatever key somebody accepts", async () => {
    const person = await somebody();
    const other = await openScene();
    await other.publish("plain", "1.0.0");
    expect(await other.verify(person, "plain", "1.0.0")).toEqual([]);
    await restartLog(other.registry, fresh);
    await other.publish("plain", "2.0.0");
    const hidden = { origin: fresh.name, size: 2, changes: [] };
    other.proxy.tamper = (path, body) => {
      if (path === "/api/log/changes") return JSON.stringify(hidden);
      const proof = path.endsWith("/proof") ? parseProof(textOf(body)) : undefined;
      const extra = parseExtra(proof?.extra ?? Buffer.of());
      if (proof === undefined || extra === undefined) return undefined;
      const history = (extra.history ?? []).filter((entry) => !textOf(entry.leaf).startsWith("cpm.log/"));
      return formatProof({ ...proof, extra: formatExtra({ ...extra, history }) });
    };
    const accepted = ["--vkey", vkeyOf(fresh)];
    expect(await other.verify(person, "plain", "2.0.0", ...accepted)).toEqual(["other_origin"]);
    other.proxy.tamper = () => undefined;
    expect(await other.verify(person, "plain", "2.0.0", ...accepted)).toEqual([]);
    await other.stop();
  });

  test("a tree that the log did not sign is neither continued nor the beginning of a new log", async () => {
    const other = await openScene();
    await other.publish("plain", "1.0.0");
    const { db } = other.registry.deps;
    const write = (state: { root: string } | { leaf: string }) =>
      db.write(({ query, tables: { logState, logLeaves } }) =>
        "root" in state ? query.update(logState).set(state) : query.update(logLeaves).set(state),
      );
    await reopenLog(other.registry, [FIRST_LOG_KEY]);
    await write({ leaf: "cpm.yank/v1 plain 1.0.0 1 yank\nby mallory\n" });
    await expect(plantLeaf(other, "x")).rejects.toThrow("database_corrupt");
    // Also where leaf and root fit together, because the log did not sign that root.
    const planted = leafHash(Buffer.from("cpm.yank/v1 plain 1.0.0 1 yank\nby mallory\n"));
    await write({ root: planted.toString("hex") });
    await expect(plantLeaf(other, "x")).rejects.toThrow("database_corrupt");
    await write({ root: "ab".repeat(32) });
    await expect(restartLog(other.registry, fresh)).rejects.toThrow("did not sign the tree");
    await other.stop();
  });

  test("a new log that does not continue what somebody saw of the old one is a fork, whatever key they accept", async () => {
    const person = await somebody();
    const other = await openScene();
    await other.publish("hello", "1.0.0");
    expect(await other.verify(person, "hello", "1.0.0")).toEqual([]);
    await other.stop();
    expect(await scene.verify(person, "hello", "2.0.0", "--vkey", vkeyOf(fresh))).toContain("forked");
  });
});
