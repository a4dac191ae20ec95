import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeLogKey } from "../../src/config/log-key.ts";
import { formatCheckpoint, parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { formatVerifierKey, parseNote, parseSignerKey, signNote, verifierOf } from "../../src/tlog/note.ts";
import { formatProof, parseProof } from "../../src/tlog/proof.ts";
import { decodeBundle, encodeBundle } from "../../src/tlog/tile.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, TEST_LOG_KEY, type TestRegistry } from "../support/registry.ts";
import { startProxy, Verifier } from "./scene.ts";

const signer = (text = TEST_LOG_KEY) => {
  const key = parseSignerKey(text);
  if (key === undefined) throw new Error("a test's key is none");
  return key;
};
const VKEY = formatVerifierKey(verifierOf(signer()));
const key = makeKey();
const hello = makePackage({ name: "hello", version: "1.0.0" });

let registry: TestRegistry;
let proxy: ReturnType<typeof startProxy>;
let alice: Awaited<ReturnType<typeof newAccount>>;
const people: Verifier[] = [];

async function somebody() {
  const person = await Verifier.make();
  people.push(person);
  return { person, archive: await person.file("hello.cpm", hello) };
}

const add = (name: string) => alice.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
const textOf = (body: Uint8Array) => Buffer.from(body).toString("utf8");

/** Signs another checkpoint with the log's own key, as a dishonest operator can. */
function forge(note: string, change: { size?: number; root?: Buffer; origin?: string }, by = signer()): string {
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? "");
  if (checkpoint === undefined) throw new Error("no checkpoint");
  return signNote(formatCheckpoint({ ...checkpoint, ...change }), by);
}

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  proxy = startProxy(() => registry.url);
  alice = await newAccount(registry);
  expect((await alice.publish("hello", "1.0.0", hello, key)).status).toBe(201);
  for (const name of ["second", "third"]) expect((await add(name)).status).toBe(201);
});
afterAll(async () => {
  await proxy.stop();
  await registry.stop();
  for (const person of people) await person.remove();
});

describe("verify", () => {
  test("finds everything right, by the registry and then by a proof alone", async () => {
    const { person, archive } = await somebody();
    proxy.tamper = () => undefined;
    const first = await person.ask("verify", archive, "--registry", proxy.url);
    expect([first.exitCode, first.codes]).toEqual([0, []]);
    expect(first.answer.checks.map(({ check, result }: { check: string; result: string }) => [check, result])).toEqual([
      ["archive", "ok"],
      ["leaf", "ok"],
      ["signature", "ok"],
      ["inclusion", "ok"],
      ["origin", "ok"],
      ["checkpoint", "ok"],
      ["consistency", "not checked"],
      ["witnesses", "not checked"],
    ]);
    expect((await add("fourth")).status).toBe(201);
    const again = await person.ask("verify", archive, "--registry", proxy.url);
    expect(again.answer.checks.find(({ check }: { check: string }) => check === "consistency").result).toBe("ok");
    const proof = await person.file("hello.tlog-proof", (await alice.get("/api/packages/hello/1.0.0/proof")).text);
    expect((await person.ask("verify", archive, "--proof", proof)).exitCode).toBe(0);
  });

  test("takes the proof of a publish, without network, by a pinned key, and by none is not enough", async () => {
    const { person } = await somebody();
    const archive = makePackage({ name: "offline", version: "1.0.0" });
    const { body } = await alice.publish("offline", "1.0.0", archive, key);
    const given = [
      await person.file("o.cpm", archive),
      "--proof",
      await person.file("o.tlog-proof", body.proof),
    ] as const;
    expect((await person.ask("verify", ...given)).codes).toEqual(["vkey_unknown"]);
    expect((await person.ask("verify", ...given, "--vkey", VKEY)).codes).toEqual([]);
    const policy = await person.file("policy", `log ${VKEY}\nquorum none\n`);
    expect((await person.ask("verify", ...given, "--policy", policy)).codes).toEqual([]);
  });

  test.each([
    ["leaf_mismatch", (text: string) => withLeaf(text, (leaf) => leaf.replace(/size \d+/, "size 1"))],
    ["not_included", (text: string) => withLeaf(text, (leaf) => leaf.replace(/published \d+/, "published 1999"))],
    ["checkpoint_unsigned", (text: string) => text.replace(/\n\d+\n(?=.{44}\n\n)/, "\n99\n")],
    ["other_origin", (text: string) => withNote(text, (note) => forge(note, { origin: "evil.test/log" }, evil()))],
    ["older_tree", (text: string) => withNote(text, (note) => forge(note, { size: 1 }))],
    ["forked", (text: string) => withNote(text, (note) => forge(note, { root: Buffer.alloc(32) }))],
    ["forked", (text: string) => withNote(text, (note) => forge(note, { size: 6, root: Buffer.alloc(32) }))],
    ["proof_malformed", (text: string) => text.slice(0, 100)],
  ])("names %s", async (code, change) => {
    const { person, archive } = await somebody();
    proxy.tamper = () => undefined;
    expect((await person.ask("verify", archive, "--registry", proxy.url)).exitCode).toBe(0);
    proxy.tamper = (path, body) => (path.endsWith("/proof") ? change(textOf(body)) : undefined);
    const { exitCode, codes } = await person.ask("verify", archive, "--registry", proxy.url);
    expect(exitCode).toBe(1);
    expect(codes).toContain(code);
  });

  test("two people who were shown two trees notice when one shows the other a proof", async () => {
    const { person, archive } = await somebody();
    expect((await person.ask("verify", archive, "--registry", registry.url)).exitCode).toBe(0);
    const shown = (await alice.get("/api/packages/hello/1.0.0/proof")).text;
    const other = withNote(shown, (note) => forge(note, { root: Buffer.alloc(32) }));
    const proof = await person.file("other.tlog-proof", other);
    expect((await person.ask("verify", archive, "--proof", proof)).codes).toContain("forked");
  });

  test("names an archive that was rewritten, and one that is none", async () => {
    const { person } = await somebody();
    const other = await person.file("other.cpm", makePackage({ name: "hello", version: "1.0.0", readme: "changed" }));
    const broken = await person.file("broken.cpm", hello.subarray(0, 100));
    const registryOptions = ["--registry", registry.url];
    expect((await person.ask("verify", other, ...registryOptions)).codes).toEqual([
      "leaf_mismatch",
      "signature_invalid",
    ]);
    expect((await person.ask("verify", broken, ...registryOptions)).codes).toEqual(["archive_rejected"]);
  });

  test("tells in a line that the registry cannot be reached, and how it is called", async () => {
    const { person, archive } = await somebody();
    const unreachable = await person.run({}, "verify", archive, "--registry", "http://127.0.0.1:1");
    expect([unreachable.exitCode, unreachable.stderr.trim().split("\n").length]).toEqual([1, 1]);
    expect((await person.run({}, "verify", archive)).exitCode).toBe(64);
  });
});

describe("log audit", () => {
  test("finds everything right with every archive, and goes on where it was", async () => {
    const { person } = await somebody();
    proxy.tamper = () => undefined;
    const first = await person.ask("log", "audit", "--registry", proxy.url, "--archives");
    expect([first.exitCode, first.codes, first.answer.from]).toEqual([0, [], 0]);
    expect((await add(`later-${first.answer.size}`)).status).toBe(201);
    const second = await person.ask("log", "audit", "--registry", proxy.url);
    expect([second.codes, second.answer.from, second.answer.size]).toEqual([
      [],
      first.answer.size,
      first.answer.size + 1,
    ]);
  });

  const bundle = (change: (leaves: Uint8Array[]) => Uint8Array[]) => (path: string, body: Uint8Array) =>
    path.includes("/entries/") ? encodeBundle(change(decodeBundle(body) ?? [])) : undefined;

  test.each([
    ["root_differs", bundle(([one, two, ...rest]) => [two, one, ...rest].filter((leaf) => leaf !== undefined))],
    [
      "signature_invalid",
      bundle(([one, ...rest]) => [Buffer.from(textOf(one ?? Buffer.of()).replace(/sha256 ./, "sha256 0")), ...rest]),
    ],
    ["duplicate_version", bundle(([one, , ...rest]) => [one, one, ...rest].filter((leaf) => leaf !== undefined))],
    ["bundle_malformed", bundle((leaves) => leaves.slice(1))],
    [
      "bundle_malformed",
      (path: string, body: Uint8Array) => (path === "/log/checkpoint" ? forge(textOf(body), { size: 99 }) : undefined),
    ],
    ["tile_differs", (path: string, body: Uint8Array) => (path.includes("/tile/0/") ? body.slice(32) : undefined)],
    ["archive_differs", (path: string, body: Uint8Array) => (path.endsWith("/download") ? body.slice(1) : undefined)],
  ])("names %s", async (code, tamper) => {
    const { person } = await somebody();
    proxy.tamper = tamper;
    const { exitCode, codes } = await person.ask("log", "audit", "--registry", proxy.url, "--archives");
    expect(exitCode).toBe(1);
    expect(codes).toContain(code);
  });
});

const evilKey = makeLogKey("evil.test/log");
const evil = () => signer(evilKey);

function withLeaf(text: string, change: (leaf: string) => string): string {
  const proof = parseProof(text);
  if (proof === undefined) throw new Error("no proof");
  return formatProof({ ...proof, extra: Buffer.from(change(textOf(proof.extra ?? Buffer.of()))) });
}

function withNote(text: string, change: (note: string) => string): string {
  const proof = parseProof(text);
  if (proof === undefined) throw new Error("no proof");
  return formatProof({ ...proof, checkpoint: change(proof.checkpoint) });
}
