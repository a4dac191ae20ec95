import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { keyChangeStatement } from "../../src/signing/key-statements.ts";
import { formatExtra, type ProvedLeaf, parseExtra } from "../../src/tlog/history.ts";
import type { KeyEntry } from "../../src/tlog/key-leaf.ts";
import { keyLeaf, parseLeaf, versionLeaf } from "../../src/tlog/leaf.ts";
import { formatProof, parseProof } from "../../src/tlog/proof.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, type Json, makeKey, newAccount, type SigningKey, signMessage } from "../support/client.ts";
import { addKey, newKey, previousOf, removeKey } from "../support/key-statements.ts";
import { startRegistry, TEST_LOG_ORIGIN, type TestRegistry } from "../support/registry.ts";
import { forge, startProxy, type Tamper, textOf, Verifier } from "./scene.ts";

/*
 * Tampering by somebody who can write to the registry's database, or who answers in its place. Each
 * kind is reported by `verify` (online and from a proof file) or by `log audit`.
 */

let registry: TestRegistry;
let proxy: ReturnType<typeof startProxy>;
let alice: Client;
let mallory: Client;
const key = makeKey();
const stranger = makeKey();
const people: Verifier[] = [];
let made = 0;

beforeAll(async () => {
  registry = await startRegistry("sqlite", { env: { PUBLISH_LIMITS: "off" } });
  proxy = startProxy(() => registry.url);
  alice = await newAccount(registry);
  mallory = await newAccount(registry);
  expect((await publish(mallory, await packageOf(), "0.0.1", stranger)).status).toBe(201);
});
afterAll(async () => {
  await proxy.stop();
  await registry.stop();
  for (const person of people) await person.remove();
});

async function somebody(): Promise<Verifier> {
  const person = await Verifier.make();
  people.push(person);
  return person;
}

/** Returns the name of a new package that only this test uses. */
async function packageOf(): Promise<string> {
  made += 1;
  return `tampered-${made}`;
}

const archiveOf = (name: string, version: string) => makePackage({ name, version });
const publish = (by: Client, name: string, version: string, signer: SigningKey) =>
  by.publish(name, version, archiveOf(name, version), signer);

/** A new package whose version 1.0.0 Alice signed. */
async function published(): Promise<string> {
  const name = await packageOf();
  expect((await publish(alice, name, "1.0.0", key)).status).toBe(201);
  return name;
}

/** Writes rows that let a stranger's key publish, as somebody with the database alone can. */
async function plantKey(name: string): Promise<void> {
  await registry.deps.db.write(async ({ query, tables: { packages, packageOwners, packageKeys, users } }) => {
    const [row] = await query.select({ id: packages.id }).from(packages).where(eq(packages.name, name));
    const [user] = await query.select({ id: users.id }).from(users).where(eq(users.username, mallory.username));
    if (row === undefined || user === undefined) throw new Error("The scene is not set up");
    const now = new Date();
    await query.insert(packageOwners).values({ packageId: row.id, userId: user.id, createdAt: now });
    const planted = { packageId: row.id, publicKey: stranger.publicHex, status: "active", addedAt: now } as const;
    await query.insert(packageKeys).values(planted);
  });
}

/** Appends a leaf of any content, as somebody with the database and a running registry can. */
async function plantLeaf(leaf: string): Promise<void> {
  const { db, log } = registry.deps;
  await db.write((session) => log.append(session, [leaf]));
}

/** A key leaf that follows the package's last one. */
async function keyLeafOf(
  name: string,
  change: Pick<KeyEntry, "action" | "by"> & { readonly signers: readonly SigningKey[]; readonly at?: Date },
): Promise<string> {
  const { action, by, signers, at = new Date() } = change;
  const { body } = await alice.get(`/api/packages/${name}/keys`);
  const about = { name, action, publicKey: stranger.publicHex, previous: body.previous, at };
  const statement = keyChangeStatement(TEST_LOG_ORIGIN, about);
  const signatures = signers.map((signer) => signMessage(signer, statement));
  return keyLeaf({ ...about, seq: body.changes.length + 1, by, signatures });
}

const codesOf = (checks: readonly Json[]) => checks.flatMap(({ code }) => code ?? []);

/** What `verify` says of a version, by the registry and then by the proof file alone. */
async function verified(name: string, version: string, archive = archiveOf(name, version)) {
  const person = await somebody();
  const file = await person.file("a.cpm", archive);
  const online = await person.ask("verify", file, "--registry", proxy.url);
  const proof = await fetch(`${proxy.url}/api/packages/${name}/${version}/proof`);
  const saved = await person.file("a.tlog-proof", await proof.text());
  const vkey = (await alice.get("/log/vkey")).text.trim();
  const offline = await (await somebody()).ask("verify", file, "--proof", saved, "--vkey", vkey);
  return { online: codesOf(online.answer.checks), offline: codesOf(offline.answer.checks), exits: [online, offline] };
}

async function audited(person?: Verifier) {
  const by = person ?? (await somebody());
  const { codes, answer } = await by.ask("log", "audit", "--registry", registry.url, "--archives");
  return { codes, problems: answer.problems as Json[] };
}

/** What `log audit` says of one package. */
async function auditedOf(name: string): Promise<string[]> {
  const { problems } = await audited();
  return problems.filter(({ detail }) => detail.includes(name)).map(({ code }) => code);
}

/** Changes the history that a proof carries, as an operator who forges answers can. */
const onHistory = (change: (history: readonly ProvedLeaf[]) => readonly ProvedLeaf[]): Tamper => {
  return (path, body) => {
    if (!path.endsWith("/proof")) return undefined;
    const proof = parseProof(textOf(body));
    const extra = parseExtra(proof?.extra ?? Buffer.of());
    if (proof === undefined || extra === undefined) throw new Error("no proof");
    return formatProof({ ...proof, extra: formatExtra({ ...extra, history: change(extra.history ?? []) }) });
  };
};

/** Changes the leaf that a proof carries. */
const onLeaf = (change: (leaf: string) => string): Tamper => {
  return (path, body) => {
    if (!path.endsWith("/proof")) return undefined;
    const proof = parseProof(textOf(body));
    const extra = parseExtra(proof?.extra ?? Buffer.of());
    if (proof === undefined || extra === undefined) throw new Error("no proof");
    return formatProof({ ...proof, extra: formatExtra({ ...extra, leaf: Buffer.from(change(textOf(extra.leaf))) }) });
  };
};

describe("tampering that verify and log audit name", () => {
  test("nothing is named where nothing was tampered with, over a real rotation of keys", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const next = await newKey(alice);
    expect((await addKey(alice, name, next, { by: key })).status).toBe(200);
    expect((await removeKey(alice, name, key, { by: next })).status).toBe(200);
    expect((await publish(alice, name, "2.0.0", next)).status).toBe(201);
    for (const version of ["1.0.0", "2.0.0"]) {
      const { online, offline, exits } = await verified(name, version);
      expect([online, offline, exits.map(({ exitCode }) => exitCode)]).toEqual([[], [], [0, 0]]);
    }
    expect(await auditedOf(name)).toEqual([]);
  });

  // This comes before the other kinds of tampering, because an audit that finds problems saves no
  // state to compare with.
  test("6b. a reset that says that it is older than the last audit", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const auditor = await somebody();
    expect((await audited(auditor)).codes).toEqual([]);
    const at = new Date(Date.now() - 80 * 60 * 60_000);
    await plantLeaf(await keyLeafOf(name, { action: "reset", by: mallory.username, signers: [stranger], at }));
    expect((await audited(auditor)).problems).toMatchObject([{ code: "backdated" }]);
  });

  test("1. other bytes under the same name and version", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const other = makePackage({ name, version: "1.0.0", files: { "README.md": "# Another" } });
    const { online, offline } = await verified(name, "1.0.0", other);
    expect([online, offline]).toEqual([
      ["leaf_mismatch", "signature_invalid"],
      ["leaf_mismatch", "signature_invalid"],
    ]);
  });

  test("2. another size in the leaf", async () => {
    const name = await published();
    proxy.tamper = onLeaf((leaf) => leaf.replace(/size \d+/, "size 1"));
    const { online, offline } = await verified(name, "1.0.0");
    expect(online).toContain("leaf_mismatch");
    expect(offline).toContain("leaf_mismatch");
  });

  test("3. a stranger's key and valid signature in the leaf", async () => {
    const name = await published();
    proxy.tamper = onLeaf((leaf) => {
      const entry = parseLeaf(leaf);
      if (entry?.kind !== "version") throw new Error("no version");
      const { version, sha256, size } = entry;
      const statement = `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${sha256}\nsize: ${size}\n`;
      return versionLeaf({ ...entry, publicKey: stranger.publicHex, signature: signMessage(stranger, statement) });
    });
    const { online, offline } = await verified(name, "1.0.0");
    expect([online, offline]).toEqual([["not_included"], ["not_included"]]);
  });

  test("4. a key and an owner that somebody inserted in the database", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    await plantKey(name);
    expect((await publish(mallory, name, "2.0.0", stranger)).status).toBe(201);
    const { online, offline, exits } = await verified(name, "2.0.0");
    expect([online, offline]).toEqual([["signer_not_trusted"], ["signer_not_trusted"]]);
    expect(exits.map(({ exitCode }) => exitCode)).toEqual([1, 1]);
    expect(await auditedOf(name)).toEqual(["signer_not_trusted"]);
  });

  test("5. a forged leaf that adds a key, without signatures and with the stranger's own", async () => {
    proxy.tamper = () => undefined;
    for (const signers of [[], [stranger, stranger]]) {
      const name = await published();
      await plantKey(name);
      await plantLeaf(await keyLeafOf(name, { action: "add", by: mallory.username, signers }));
      expect((await publish(mallory, name, "2.0.0", stranger)).status).toBe(201);
      expect(await auditedOf(name)).toEqual(["key_change_invalid", "signer_not_trusted"]);
      expect((await verified(name, "2.0.0")).online).toEqual(["signer_not_trusted"]);
    }
  });

  test("6. a reset whose key signs before 72 hours have passed", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    await plantKey(name);
    await plantLeaf(await keyLeafOf(name, { action: "reset", by: mallory.username, signers: [stranger] }));
    expect((await publish(mallory, name, "2.0.0", stranger)).status).toBe(201);
    expect(await auditedOf(name)).toEqual(["signer_not_trusted"]);
  });

  test("7. a key change that is left out", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const [second, third] = [await newKey(alice), await newKey(alice)];
    expect((await addKey(alice, name, second, { by: key })).status).toBe(200);
    expect((await addKey(alice, name, third, { by: key })).status).toBe(200);
    expect((await publish(alice, name, "2.0.0", third)).status).toBe(201);
    const isFirstChange = ({ leaf }: ProvedLeaf) => textOf(leaf).startsWith(`cpm.key/v2 ${name} 1 `);
    proxy.tamper = onHistory((history) => history.filter((entry) => !isFirstChange(entry)));
    const { online, offline } = await verified(name, "2.0.0");
    expect([online, offline]).toEqual([["sequence_gap"], ["sequence_gap"]]);
  });

  test("8. leaves of the history in another order", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    expect((await addKey(alice, name, await newKey(alice), { by: key })).status).toBe(200);
    expect((await publish(alice, name, "2.0.0", key)).status).toBe(201);
    proxy.tamper = onHistory((history) => history.toReversed());
    const { online, offline } = await verified(name, "2.0.0");
    expect([online, offline]).toEqual([["history_broken"], ["history_broken"]]);
  });

  test("8b. a leaf of the history that the log does not have", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const previous = await previousOf(alice, name);
    expect((await publish(alice, name, "2.0.0", key)).status).toBe(201);
    const leaf = await keyLeafOf(name, { action: "add", by: null, signers: [key, stranger] });
    expect(leaf).toContain(previous);
    proxy.tamper = onHistory((history) => [...history, { index: 1e6, leaf: Buffer.from(leaf), hashes: [] }]);
    const { online, offline } = await verified(name, "2.0.0");
    expect([online, offline]).toEqual([["history_broken"], ["history_broken"]]);
  });

  test.each(["1.0.0+other", "1.0.0"])("9. a version that is logged again as %s", async (spelled) => {
    proxy.tamper = () => undefined;
    const name = await published();
    const { body } = await alice.get(`/api/packages/${name}/log`);
    const entry = parseLeaf(body.entries[0].leaf);
    if (entry?.kind !== "version") throw new Error("no version");
    await plantLeaf(versionLeaf({ ...entry, version: spelled }));
    expect(await auditedOf(name)).toEqual(["duplicate_version"]);
  });

  test("9b. a version that is logged under another spelling of the name", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const { body } = await alice.get(`/api/packages/${name}/log`);
    const entry = parseLeaf(body.entries[0].leaf);
    if (entry?.kind !== "version") throw new Error("no version");
    await plantLeaf(versionLeaf({ ...entry, name: name.replace("-", "_") }));
    const codes = (await audited()).problems.filter(({ detail }) => detail.includes(name.replace("-", "_")));
    expect(codes.map(({ code }) => code)).toEqual(["duplicate_version"]);
  });

  test("10. another tree of the same size, signed by the log's own key", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const person = await somebody();
    const file = await person.file("a.cpm", archiveOf(name, "1.0.0"));
    expect((await person.ask("verify", file, "--registry", proxy.url)).exitCode).toBe(0);
    proxy.tamper = (path, body) => {
      const proof = path.endsWith("/proof") ? parseProof(textOf(body)) : undefined;
      return proof && formatProof({ ...proof, checkpoint: forge(proof.checkpoint, { root: Buffer.alloc(32, 7) }) });
    };
    expect((await person.ask("verify", file, "--registry", proxy.url)).codes).toContain("forked");
  });

  test("11. a smaller tree than was seen before", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const person = await somebody();
    const file = await person.file("a.cpm", archiveOf(name, "1.0.0"));
    const old = (await alice.get(`/api/packages/${name}/1.0.0/proof`)).text;
    await published();
    expect((await person.ask("verify", file, "--registry", proxy.url)).exitCode).toBe(0);
    proxy.tamper = (path) => (path.endsWith("/proof") ? old : undefined);
    expect((await person.ask("verify", file, "--registry", proxy.url)).codes).toContain("older_tree");
  });

  test.each([403, 451])("12. an archive that is answered %i without a leaf", async (status) => {
    const name = await published();
    proxy.tamper = (path) => (path.endsWith(`${name}/1.0.0/download`) ? new Response("", { status }) : undefined);
    const { answer } = await (await somebody()).ask("log", "audit", "--registry", proxy.url, "--archives");
    const found = answer.problems.filter(({ detail }: Json) => detail.includes(`${name} `));
    expect(found.map(({ code }: Json) => code)).toEqual(["withheld_unlogged"]);
  });
});

describe("verify, for a user who saw a package before", () => {
  async function user(name: string, version = "1.0.0") {
    const person = await somebody();
    const file = await person.file("a.cpm", archiveOf(name, version));
    const ask = () => person.ask("verify", file, "--registry", proxy.url);
    return { person, ask };
  }

  test("names a history that has become shorter", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    expect((await addKey(alice, name, await newKey(alice), { by: key })).status).toBe(200);
    const { ask } = await user(name);
    expect((await ask()).exitCode).toBe(0);
    const isChange = ({ leaf }: ProvedLeaf) => textOf(leaf).startsWith("cpm.key/");
    proxy.tamper = onHistory((history) => history.filter((entry) => !isChange(entry)));
    expect((await ask()).codes).toEqual(["history_shorter"]);
  });

  test("names a package that begins with another version", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const { person, ask } = await user(name);
    expect((await ask()).exitCode).toBe(0);
    expect((await publish(alice, name, "2.0.0", key)).status).toBe(201);
    proxy.tamper = onHistory(() => []);
    const second = await person.file("b.cpm", archiveOf(name, "2.0.0"));
    expect((await person.ask("verify", second, "--registry", proxy.url)).codes).toEqual(["history_forked"]);
  });

  test("names a version that a compromised key signed", async () => {
    proxy.tamper = () => undefined;
    const name = await published();
    const next = await newKey(alice);
    expect((await addKey(alice, name, next, { by: key })).status).toBe(200);
    expect((await publish(alice, name, "2.0.0", key)).status).toBe(201);
    const removal = { by: next, reason: "compromised", since: "2.0.0" };
    expect((await removeKey(alice, name, key, removal)).status).toBe(200);
    expect((await (await user(name, "1.0.0")).ask()).codes).toEqual([]);
    expect((await (await user(name, "2.0.0")).ask()).codes).toEqual(["key_compromised"]);
  });
});
