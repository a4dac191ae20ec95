import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { makeLogKey } from "../../src/config/log-key.ts";
import { quarantineVersion } from "../../src/moderation/quarantine.ts";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { COSIGNATURE, formatSignerKey, formatVerifierKey, verifierOf } from "../../src/tlog/note.ts";
import { formatProof, parseProof } from "../../src/tlog/proof.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withToken } from "../support/roles.ts";
import { forge, signerOf, startProxy, textOf, Verifier, VKEY } from "./scene.ts";

const key = makeKey();
const hello = makePackage({ name: "hello", version: "1.0.0" });

let registry: TestRegistry;
let proxy: ReturnType<typeof startProxy>;
let alice: Awaited<ReturnType<typeof newAccount>>;
const people: Verifier[] = [];

async function newUser() {
  const person = await Verifier.make();
  people.push(person);
  return { person, archive: await person.file("hello.cpm", hello) };
}

type Answer = { readonly checks: readonly { readonly check: string; readonly detail: string }[] };
const detailOf = ({ checks }: Answer, name: string) => checks.find(({ check }) => check === name)?.detail ?? "";
const add = (name: string) => alice.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
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
  test("verify passes a good archive with the registry, and then offline with a proof", async () => {
    const { person, archive } = await newUser();
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
      ["signer", "ok"],
      ["history", "ok"],
      ["registry status", "ok"],
    ]);
    expect((await add("fourth")).status).toBe(201);
    const again = await person.ask("verify", archive, "--registry", proxy.url);
    expect(again.answer.checks.find(({ check }: { check: string }) => check === "consistency").result).toBe("ok");
    const proof = await person.file("hello.tlog-proof", (await alice.get("/api/packages/hello/1.0.0/proof")).text);
    const offline = await person.ask("verify", archive, "--proof", proof);
    expect(offline.exitCode).toBe(0);
    const details = [first, again, offline].map(({ answer }) => detailOf(answer, "origin"));
    expect(details.map((detail) => detail.includes("seen for the first time"))).toEqual([true, false, false]);
  });

  test("verify accepts the proof of a publish response offline with a pinned key, and fails without a key", async () => {
    const { person } = await newUser();
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
    ["a changed leaf", "leaf_mismatch", (text: string) => withLeaf(text, (leaf) => leaf.replace(/size \d+/, "size 1"))],
    [
      "a leaf with another time",
      "not_included",
      (text: string) => withLeaf(text, (leaf) => leaf.replace(/published \d+/, "published 1999")),
    ],
    ["a forged size", "checkpoint_unsigned", (text: string) => text.replace(/\n\d+\n(?=.{44}\n\n)/, "\n99\n")],
    [
      "another origin",
      "other_origin",
      (text: string) => withNote(text, (note) => forge(note, { origin: "evil.test/log" }, evil())),
    ],
    ["a replayed checkpoint", "older_tree", (text: string) => withNote(text, (note) => forge(note, { size: 1 }))],
    ["another tree", "forked", (text: string) => withNote(text, (note) => forge(note, { root: Buffer.alloc(32) }))],
    [
      "a tree that does not go on from the one before",
      "forked",
      (text: string) => withNote(text, (note) => forge(note, { size: 6, root: Buffer.alloc(32) })),
    ],
    ["a truncated proof", "proof_malformed", (text: string) => text.slice(0, 100)],
  ])("verify reports %s as %s", async (_, code, change) => {
    const { person, archive } = await newUser();
    proxy.tamper = () => undefined;
    expect((await person.ask("verify", archive, "--registry", proxy.url)).exitCode).toBe(0);
    proxy.tamper = (path, body) => (path.endsWith("/proof") ? change(textOf(body)) : undefined);
    const { exitCode, codes } = await person.ask("verify", archive, "--registry", proxy.url);
    expect(exitCode).toBe(1);
    expect(codes).toContain(code);
  });

  test("two users who were shown different trees notice when they exchange a proof", async () => {
    const { person, archive } = await newUser();
    expect((await person.ask("verify", archive, "--registry", registry.url)).exitCode).toBe(0);
    const shown = (await alice.get("/api/packages/hello/1.0.0/proof")).text;
    const other = withNote(shown, (note) => forge(note, { root: Buffer.alloc(32) }));
    const proof = await person.file("other.tlog-proof", other);
    expect((await person.ask("verify", archive, "--proof", proof)).codes).toContain("forked");
  });

  test("verify rejects a rewritten archive and a file that is no archive", async () => {
    const { person } = await newUser();
    const other = await person.file("other.cpm", makePackage({ name: "hello", version: "1.0.0", readme: "changed" }));
    const broken = await person.file("broken.cpm", hello.subarray(0, 100));
    const registryOptions = ["--registry", registry.url];
    expect((await person.ask("verify", other, ...registryOptions)).codes).toEqual([
      "leaf_mismatch",
      "signature_invalid",
    ]);
    expect((await person.ask("verify", broken, ...registryOptions)).codes).toEqual(["archive_rejected"]);
  });

  test("verify requires the witnesses of LOG_POLICY, and names the line of a malformed policy", async () => {
    const { person, archive } = await newUser();
    const witness = formatVerifierKey(
      verifierOf(signerOf(formatSignerKey("witness.test/one", Buffer.alloc(32, 1), COSIGNATURE))),
    );
    const LOG_POLICY = await person.file("policy", `log ${VKEY}\nwitness one ${witness}\nquorum one\n`);
    const asked = await person.run({ LOG_POLICY }, "verify", archive, "--registry", registry.url, "--json");
    expect([asked.exitCode, asked.stdout]).toEqual([1, expect.stringContaining('"code":"quorum_missing"')]);
    const broken = await person.file("broken", "quorum none\nquorum none\n");
    const refused = await person.run({ LOG_POLICY: broken }, "verify", archive, "--registry", registry.url);
    expect([refused.exitCode, refused.stderr]).toEqual([64, expect.stringContaining("line 2 is a second quorum")]);
  });

  test("verify reports a version that the registry never had", async () => {
    const { person } = await newUser();
    const archive = await person.file("never.cpm", makePackage({ name: "never-published", version: "1.0.0" }));
    expect((await person.ask("verify", archive, "--registry", registry.url)).codes).toEqual(["not_logged"]);
  });

  test("verify warns about the registry status of a version whose proof stays valid", async () => {
    const { person } = await newUser();
    const warned = makePackage({ name: "warned", version: "1.0.0" });
    const archive = await person.file("warned.cpm", warned);
    expect((await alice.publish("warned", "1.0.0", warned, key)).status).toBe(201);
    const registryStatus = async () => {
      const { exitCode, answer } = await person.ask("verify", archive, "--registry", registry.url);
      const { result, detail } = answer.checks.find(({ check }: { check: string }) => check === "registry status");
      return [exitCode, result, detail];
    };
    expect(await registryStatus()).toEqual([0, "ok", "the registry reports no yank and no quarantine"]);
    const yank = { reason: "security", message: "CVE-1", replacement: "hello@1.0.0" };
    expect((await alice.send("DELETE", "/api/packages/warned/1.0.0", yank)).status).toBe(200);
    const yanked = "it is yanked (security: CVE-1), use hello@1.0.0 instead";
    expect(await registryStatus()).toEqual([0, "warning", `the registry reports that ${yanked}`]);
    const hold = { reason: "malware", category: undefined };
    await quarantineVersion(registry.deps, OPERATOR, packageNameParam("warned"), "1.0.0", hold);
    expect(await registryStatus()).toEqual([
      0,
      "warning",
      `the registry reports that it is in quarantine: malware; ${yanked}`,
    ]);
  });

  test("verify warns if the given key is not the one seen before", async () => {
    const { person, archive } = await newUser();
    expect((await person.ask("verify", archive, "--registry", registry.url, "--vkey", VKEY)).exitCode).toBe(0);
    const other = formatVerifierKey(verifierOf(signerOf(makeLogKey("registry.test/log"))));
    const { codes, answer } = await person.ask("verify", archive, "--registry", registry.url, "--vkey", other);
    expect(codes).toEqual(["checkpoint_unsigned"]);
    const warned = answer.checks.filter(({ result }: { result: string }) => result === "warning");
    expect(warned.map(({ check }: { check: string }) => check)).toEqual(["key"]);
    expect(warned[0].detail).toContain(VKEY);
    // The saved key stays, because the other key signed nothing.
    expect((await person.ask("verify", archive, "--registry", registry.url)).exitCode).toBe(0);
  });

  test("verify uses CPM_API_TOKEN for a private registry, and asks for it if it is missing", async () => {
    const closed = await startRegistry("sqlite", { env: { READ_ACCESS: "authenticated" } });
    try {
      const owner = await newAccount(closed);
      expect((await owner.publish("hello", "1.0.0", hello, key)).status).toBe(201);
      const reader = await withToken(owner, ["read"]);
      const { person, archive } = await newUser();
      const verify = (env: Record<string, string>) => person.run(env, "verify", archive, "--registry", closed.url);
      const refused = await verify({});
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("CPM_API_TOKEN")]);
      const { exitCode, stdout, stderr } = await verify({ CPM_API_TOKEN: reader.token ?? "" });
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("is verified");
      expect((await verify({ CPM_API_TOKEN: "cpm_wrong" })).exitCode).toBe(1);
    } finally {
      await closed.stop();
    }
  });

  test.each([
    ["cut off", '{"vkey":"', "is damaged"],
    ["empty", "", "is damaged"],
    ["of another shape", '{"vkey":1}', "does not hold a checkpoint"],
  ])("verify does not treat a log as new if its saved state is %s", async (_, damage, message) => {
    const { person, archive } = await newUser();
    const seen = join(person.home, ".cpm/log", "registry.test%2Flog.json");
    expect((await person.ask("verify", archive, "--registry", registry.url)).exitCode).toBe(0);
    expect(existsSync(seen)).toBe(true);
    await writeFile(seen, damage);
    for (const command of [
      ["verify", archive],
      ["log", "audit"],
    ]) {
      const { exitCode, stdout, stderr } = await person.run({}, ...command, "--registry", registry.url);
      expect([exitCode, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(seen);
      expect(stderr).toContain(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(await Bun.file(seen).text()).toBe(damage);
  });

  test("verify reports in one line that the registry cannot be reached, with its address", async () => {
    const { person, archive } = await newUser();
    const unreachable = await person.run({}, "verify", archive, "--registry", "http://127.0.0.1:1");
    expect([unreachable.exitCode, unreachable.stderr.trim().split("\n").length]).toEqual([1, 1]);
    const asJson = await person.run({}, "verify", archive, "--registry", "http://127.0.0.1:1", "--json");
    const fault = expect.stringContaining("cannot be reached");
    expect([asJson.exitCode, JSON.parse(asJson.stdout)]).toEqual([1, { verified: false, fault, checks: [] }]);
    expect((await person.run({}, "verify", archive)).exitCode).toBe(64);
  });

  test("verify refuses a FIFO at once, as an archive, a proof and a policy", async () => {
    const { person, archive } = await newUser();
    const fifo = join(person.home, "fifo");
    expect(await Bun.spawn(["mkfifo", fifo]).exited).toBe(0);
    const runs = [[fifo], [archive, "--proof", fifo], [archive, "--policy", fifo]].map((args) =>
      person.run({}, "verify", ...args, "--registry", registry.url),
    );
    for (const { exitCode, stderr } of await Promise.all(runs)) {
      expect([exitCode, stderr]).toEqual([64, expect.stringContaining(`${fifo} is not a regular file.`)]);
    }
  });

  test("verify does not read a file of this machine that the registry redirects to", async () => {
    const { person, archive } = await newUser();
    const proof = await person.file("hello.proof", "a proof");
    proxy.tamper = (path) =>
      path.endsWith("/proof")
        ? new Response(null, { status: 302, headers: { location: `file://${proof}` } })
        : undefined;
    const { exitCode, stderr } = await person.run({}, "verify", archive, "--registry", proxy.url);
    proxy.tamper = () => undefined;
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("it redirects to a file: address")]);
  });
});

const evilKey = makeLogKey("evil.test/log");
const evil = () => signerOf(evilKey);

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
