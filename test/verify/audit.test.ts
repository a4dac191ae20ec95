import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { statusLeaf, versionLeaf } from "../../src/tlog/leaf.ts";
import { decodeBundle, encodeBundle } from "../../src/tlog/tile.ts";
import { decodeState, encodeState, firstState } from "../../src/verify/audit-state.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256, signMessage, statementOf } from "../support/client.ts";
import { PROGRAM } from "../support/program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { forge, startProxy, type Tamper, textOf, Verifier } from "./scene.ts";

const key = makeKey();
const NOTHING: Tamper = () => undefined;
const people: Verifier[] = [];

async function newUser(): Promise<Verifier> {
  const person = await Verifier.make();
  people.push(person);
  return person;
}

interface Row {
  readonly check: string;
  readonly result: string;
  readonly detail: string;
}

/** Audits through the proxy as one user, and also returns the checks by their names. */
async function audit(person: Verifier, ...options: string[]) {
  const asked = await person.ask("log", "audit", "--registry", proxy.url, ...options);
  const rows = new Map<string, Row>(asked.answer.checks.map((row: Row) => [row.check, row]));
  return { ...asked, rows };
}

let registry: TestRegistry;
let proxy: ReturnType<typeof startProxy>;
let alice: Client;

const add = (name: string) => alice.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
const archiveSigned = makePackage({ name: "archive-signed", version: "1.0.0" });

beforeAll(async () => {
  registry = await startRegistry("sqlite");
  proxy = startProxy(() => registry.url);
  alice = await newAccount(registry);
  for (const name of ["first", "second", "third"]) expect((await add(name)).status).toBe(201);
  const signature = signMessage(key, archiveSigned);
  const fields = { signature, publicKey: key.publicHex, signatureScheme: "ed25519-archive" };
  expect((await alice.publishFields({ archive: archiveSigned, ...fields })).status).toBe(201);
  expect((await alice.send("DELETE", "/api/packages/third/1.0.0")).status).toBe(200);
});
afterAll(async () => {
  await proxy.stop();
  await registry.stop();
  for (const person of people) await person.remove();
});

const onBundle = (change: (leaves: Uint8Array[]) => Uint8Array[]): Tamper => {
  return (path, body) => (path.includes("/entries/") ? encodeBundle(change(decodeBundle(body) ?? [])) : undefined);
};
/** Changes the first leaf that contains `found`. */
const onLeaf = (found: RegExp, replaced: string) =>
  onBundle((leaves) => leaves.map((leaf) => Buffer.from(textOf(leaf).replace(found, replaced))));

describe("log audit", () => {
  test("an audit with archives of a good log passes, and the next one continues there", async () => {
    const person = await newUser();
    proxy.tamper = NOTHING;
    const first = await audit(person, "--archives");
    expect([first.exitCode, first.codes, first.answer.from, first.answer.complete]).toEqual([0, [], 0, true]);
    expect((await add(`later-${first.answer.size}`)).status).toBe(201);
    const second = await audit(person);
    expect([second.codes, second.answer.from, second.answer.size]).toEqual([
      [],
      first.answer.size,
      first.answer.size + 1,
    ]);
  });

  test.each<[what: string, code: string, tamper: Tamper]>([
    ["a changed leaf", "signature_invalid", onLeaf(/sha256 .{8}/, "sha256 00000000")],
    ["a changed leaf", "root_differs", onLeaf(/published \d+/, "published 1999")],
    ["two leaves that changed places", "root_differs", onBundle(([one, two, ...rest]) => list(two, one, ...rest))],
    ["a dropped leaf", "bundle_malformed", onBundle((leaves) => leaves.slice(1))],
    [
      "a dropped leaf and another in its place",
      "root_differs",
      onBundle(([, two, ...rest]) => list(two, two, ...rest)),
    ],
    ["a version that is logged twice", "duplicate_version", onBundle(([one, , ...rest]) => list(one, one, ...rest))],
    ["a leaf that is none", "leaf_malformed", onLeaf(/^cpm\.version/, "cpm.nothing")],
    ["a gap in the yanks of a version", "sequence_gap", onLeaf(/ 1 yank/, " 2 yank")],
    [
      "a forged size",
      "bundle_malformed",
      (path, body) => (path === "/log/checkpoint" ? forge(textOf(body), { size: 99 }) : undefined),
    ],
    ["a truncated tile", "tile_differs", (path, body) => (path.includes("/tile/0/") ? body.slice(32) : undefined)],
    [
      "a missing tile",
      "tile_differs",
      (path) => (path.includes("/tile/0/") ? new Response("", { status: 404 }) : undefined),
    ],
    [
      "a rewritten archive",
      "archive_differs",
      (path, body) => (path.endsWith("/download") ? body.toReversed() : undefined),
    ],
    [
      "an archive that is too long",
      "archive_differs",
      (path, body) => (path.endsWith("/download") ? Buffer.concat([body, body]) : undefined),
    ],
    [
      "a missing archive",
      "archive_missing",
      (path) => (path.endsWith("/download") ? new Response("", { status: 404 }) : undefined),
    ],
  ])("an audit reports %s as %s", async (_, code, tamper) => {
    proxy.tamper = tamper;
    const { exitCode, codes, answer } = await audit(await newUser(), "--archives");
    expect([exitCode, answer.verified, answer.complete]).toEqual([1, false, true]);
    expect(codes).toContain(code);
  });

  test("an audit warns about withheld archives, as in quarantine, and checks them the next time", async () => {
    const person = await newUser();
    const { db, log } = registry.deps;
    const quarantine = { name: "first", version: "*", seq: 1, action: "quarantine", reason: "malware" } as const;
    await db.write((session) => log.append(session, [statusLeaf(quarantine)]));
    const isOfFirst = (path: string) => path.includes("/first/") && path.endsWith("/download");
    proxy.tamper = (path) => (isOfFirst(path) ? new Response("", { status: 403 }) : undefined);
    const held = await audit(person, "--archives");
    expect([held.exitCode, held.answer.verified, held.codes]).toEqual([0, true, []]);
    const ofArchives = () => held.answer.checks.find(({ check }: { check: string }) => check === "archives");
    expect(ofArchives()).toMatchObject({ result: "warning", detail: expect.stringContaining("withheld") });
    proxy.tamper = (path, body) => (isOfFirst(path) ? body.toReversed() : undefined);
    expect((await audit(person, "--archives")).codes).toContain("archive_differs");
  });

  test.each<[what: string, code: string, forged: (note: string) => string]>([
    ["a replayed checkpoint", "older_tree", (note) => forge(note, { size: 2 })],
    ["two trees shown to one client", "forked", (note) => forge(note, { root: Buffer.alloc(32) })],
    ["another origin", "other_origin", (note) => forge(note, { origin: "evil.test/log" })],
  ])("an audit reports %s as %s", async (_, code, forged) => {
    const person = await newUser();
    proxy.tamper = NOTHING;
    expect((await audit(person)).exitCode).toBe(0);
    proxy.tamper = (path, body) => (path === "/log/checkpoint" ? forged(textOf(body)) : undefined);
    const { exitCode, codes } = await audit(person);
    expect([exitCode, codes.includes(code)]).toEqual([1, true]);
    // The failed audit does not forget what was seen.
    proxy.tamper = NOTHING;
    expect((await audit(person)).exitCode).toBe(0);
  });

  test("an audit checks signatures over archives with --archives only, and says so without it", async () => {
    const person = await newUser();
    proxy.tamper = NOTHING;
    const without = await audit(person);
    expect([without.exitCode, without.rows.get("signatures")?.result]).toEqual([0, "not checked"]);
    expect(without.rows.get("signatures")?.detail).toStartWith("1 of ");
    expect((await audit(person)).rows.get("signatures")?.result).toBe("not checked");
    const withArchives = await audit(person, "--archives");
    expect([withArchives.answer.from, withArchives.rows.get("signatures")?.result]).toEqual([0, "ok"]);
    expect(withArchives.rows.get("archives")?.result).toBe("ok");

    proxy.tamper = onLeaf(/ed25519-archive \S+/, `ed25519-archive ${signMessage(key, "something else")}`);
    const { answer } = await audit(await newUser(), "--archives");
    const found = answer.problems.map(({ code, detail }: { code: string; detail: string }) => [
      code,
      detail.split(":")[0],
    ]);
    expect(found).toContainEqual(["signature_invalid", "archive-signed 1.0.0"]);
  });
});

describe("log audit of a log of several bundles", () => {
  const SIZE = 1_000;
  let small: TestRegistry;

  beforeAll(async () => {
    small = registry;
    registry = await startRegistry("sqlite");
    const { db, log } = registry.deps;
    const archive = makePackage({ name: "many", version: "1.0.0" });
    const leaves = Array.from({ length: SIZE }, (_, at) => {
      const version = `1.0.${at}`;
      const signature = signMessage(key, statementOf("many", version, archive));
      const signed = { publicKey: key.publicHex, signature, scheme: "cpm-v1" as const };
      const archived = { sha256: sha256(archive), size: archive.length };
      return versionLeaf({ name: "many", version, ...archived, ...signed, publishedAt: new Date() });
    });
    await db.write((session) => log.append(session, leaves));
  });
  afterAll(async () => {
    await registry.stop();
    registry = small;
  });

  const isBundle = (path: string, index: number) => path.includes(`/entries/00${index}`);
  const kept = (person: Verifier) => join(person.home, ".cpm/log", "audit-registry.test%2Flog.state");

  test("an audit reports what it found before the registry failed, and continues from there", async () => {
    const person = await newUser();
    proxy.tamper = (path) => (isBundle(path, 2) ? new Response("", { status: 503 }) : undefined);
    const broken = await audit(person);
    expect(broken.exitCode).toBe(1);
    expect(broken.answer).toMatchObject({ verified: false, complete: false, size: SIZE, from: 0, problems: [] });
    expect(broken.answer.fault).toContain("answered 503");
    expect(broken.rows.get("checkpoint")?.result).toBe("ok");
    expect(broken.rows.has("root")).toBe(false);
    proxy.tamper = NOTHING;
    const { exitCode, answer } = await audit(person);
    expect([exitCode, answer.complete, answer.from]).toEqual([0, true, 512]);
  });

  test("an audit that found problems before the registry failed reports them and saves no state", async () => {
    const person = await newUser();
    const changed = onLeaf(/sha256 ./, "sha256 z");
    proxy.tamper = (path, body) => {
      if (isBundle(path, 2)) return new Response("", { status: 503 });
      return isBundle(path, 1) ? changed(path, body) : undefined;
    };
    const { codes, answer } = await audit(person);
    expect(answer.complete).toBe(false);
    expect(Map.groupBy(codes, (code) => code).get("leaf_malformed")).toHaveLength(256);
    expect(existsSync(kept(person))).toBe(false);
    const audited = await person.run({}, "log", "audit", "--registry", proxy.url);
    expect([audited.exitCode, audited.stderr]).toEqual([1, expect.stringContaining("log audit failed: ")]);
    expect(audited.stdout).toContain("registry.test/log was not read to its end. Until then: 257 problems in leaves.");
  });

  test("an audit continues after kill -9", async () => {
    const person = await newUser();
    const never = Promise.withResolvers<undefined>();
    proxy.tamper = (path) => {
      if (isBundle(path, 3)) return never.promise;
      // The audit saves its progress at the first bundle that comes more than five seconds after
      // the last save.
      return isBundle(path, 2) ? Bun.sleep(5_500).then(() => undefined) : undefined;
    };
    const command = [...PROGRAM, "log", "audit", "--registry", proxy.url];
    const running = Bun.spawn(command, { cwd: "/", env: { HOME: person.home }, stdout: "ignore", stderr: "ignore" });
    await waitUntil(() => existsSync(kept(person)), "the audit keeps how far it came");
    running.kill("SIGKILL");
    await running.exited;
    never.resolve(undefined);
    proxy.tamper = NOTHING;
    const { exitCode, answer } = await audit(person);
    expect([exitCode, answer.from]).toEqual([0, 768]);
  });

  const flipped = (file: Buffer, at: number) => {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] ?? 0) ^ 1;
    return [changed];
  };
  test.each<[what: string, damage: (file: Buffer) => Uint8Array[]]>([
    ["is cut off", (file) => [file.subarray(0, -1)]],
    ["is empty", () => []],
    ["is of another form", () => [Buffer.from("{}")]],
    ["has another number in it", (file) => flipped(file, file.indexOf('"size":1') + '"size":'.length)],
    ["has another hash in it", (file) => flipped(file, file.indexOf('"hash":"') + '"hash":"'.length)],
    ["has another version in it", (file) => flipped(file, file.length - 1)],
    [
      "is of another tree",
      (file) => {
        const state = decodeState(file) ?? firstState(false);
        return encodeState({ ...state, frontier: { ...state.frontier, nodes: [], size: 512 } });
      },
    ],
  ])("an audit reads everything again if the saved state of an earlier one %s", async (_, damage) => {
    const person = await newUser();
    proxy.tamper = NOTHING;
    expect((await audit(person)).exitCode).toBe(0);
    await writeFile(kept(person), Buffer.concat(damage(await readFile(kept(person)))));
    const { exitCode, answer, rows } = await audit(person);
    expect([exitCode, answer.from, rows.get("earlier audit")?.result]).toEqual([0, 0, "warning"]);
    expect((await audit(person)).answer.from).toBe(SIZE);
  });
});

function list(...leaves: (Uint8Array | undefined)[]): Uint8Array[] {
  return leaves.filter((leaf) => leaf !== undefined);
}
