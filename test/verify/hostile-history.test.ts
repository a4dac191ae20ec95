import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDigest } from "../../src/domain/digest.ts";
import { keyChangeStatement } from "../../src/signing/key-statements.ts";
import { formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import type { ProvedLeaf } from "../../src/tlog/history.ts";
import type { KeyEntry } from "../../src/tlog/key-leaf.ts";
import { keyLeaf, type VersionEntry, versionLeaf } from "../../src/tlog/leaf.ts";
import { hashOfRange, inclusionRanges, leafHash } from "../../src/tlog/merkle.ts";
import { signNote } from "../../src/tlog/note.ts";
import { encodeBundle } from "../../src/tlog/tile.ts";
import { auditLog } from "../../src/verify/audit.ts";
import { firstState } from "../../src/verify/audit-state.ts";
import { checkHistory } from "../../src/verify/check-history.ts";
import { fetchHistory } from "../../src/verify/fetch-history.ts";
import { KnownKeys } from "../../src/verify/known-keys.ts";
import { checkLeaf } from "../../src/verify/leaf-rules.ts";
import { beginHistory, type PackageHistory, replayKeyChange } from "../../src/verify/package-history.ts";
import { RegistryClient } from "../../src/verify/registry-client.ts";
import { checkRegistryStatus } from "../../src/verify/registry-status.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";
import { makeKey, type SigningKey, sha256, signMessage } from "../support/client.ts";
import { signerOf, VKEY } from "./scene.ts";

/* Attacks on a user and an auditor by a registry that signs its own log and forges its answers. */

const ORIGIN = "cpm.example.org/log";
const NOW = new Date("2026-11-29T12:00:00Z");
const HOUR_MS = 3_600_000;
const [owner, next, thief] = [makeKey(), makeKey(), makeKey()];
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cpm-hostile-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const timeAt = (hours: number) => new Date(NOW.getTime() + hours * HOUR_MS);
const version = (text: string, key: SigningKey, hours: number, name = "hello"): VersionEntry => ({
  name,
  version: text,
  sha256: "ab".repeat(32),
  size: 10,
  publicKey: key.publicHex,
  scheme: "cpm-v1",
  signature: Buffer.alloc(64, 1).toString("base64"),
  publishedAt: timeAt(hours),
});

type Change = Pick<KeyEntry, "action"> & Partial<Pick<KeyEntry, "by" | "removal">> & { readonly hours: number };

/** A key leaf behind others, signed by the given keys. */
function keyChange(seq: number, before: string, key: SigningKey, change: Change, ...signers: SigningKey[]): string {
  const { action, hours, by = "ana", removal } = change;
  const about = { name: "hello", action, publicKey: key.publicHex, previous: sha256(Buffer.from(before)) };
  const whole = { ...about, at: timeAt(hours), ...(removal && { removal }) };
  const signatures = signers.map((signer) => signMessage(signer, keyChangeStatement(ORIGIN, whole)));
  return keyLeaf({ ...whole, seq, by, signatures });
}

/** Proves leaves of a tree that has exactly these. */
function proved(leaves: readonly string[]) {
  const hashes = leaves.map((leaf) => leafHash(Buffer.from(leaf)));
  const known = ({ start, end }: { start: number; end: number }) => (end - start === 1 ? hashes[start] : undefined);
  const size = leaves.length;
  const root = hashOfRange({ start: 0, end: size }, known);
  const at = (index: number): ProvedLeaf => ({
    index,
    leaf: Buffer.from(leaves[index] ?? ""),
    hashes: inclusionRanges(index, size).map((range) => hashOfRange(range, known)),
  });
  return { size, root, at };
}

const knownKeys = (name: string) => new KnownKeys(join(directory, `${name}.json`));

interface Shown {
  readonly leaves: readonly string[];
  /** Which of them the registry shows, in order. */
  readonly shown: readonly number[];
  readonly entry: VersionEntry;
  readonly isFresh?: boolean;
  readonly now?: Date;
}

async function verified({ leaves, shown, entry, isFresh = true, now = NOW }: Shown, known: KnownKeys) {
  const { at, ...tree } = proved(leaves);
  const index = leaves.indexOf(versionLeaf(entry));
  const question = { origin: ORIGIN, ...tree, index, entry, history: shown.map(at), isFresh, changes: undefined };
  const { checks, remember } = await checkHistory(question, known, now);
  if (checks.every(({ result }) => result !== "failed")) await remember();
  return checks.flatMap(({ result, code }) => (result === "ok" ? [] : [code ?? result]));
}

async function audited(leaves: readonly string[], now = NOW) {
  const context = {
    history: firstState(false).history,
    origin: ORIGIN,
    archives: undefined,
    nowMs: now.getTime(),
    looked: undefined,
    changes: [],
  };
  const found = await Promise.all(leaves.map((leaf, index) => checkLeaf(Buffer.from(leaf), index, context)));
  return found.flatMap((problem) =>
    problem?.code === undefined || problem.code === "signature_invalid" ? [] : [problem.code],
  );
}

describe("a hostile history", () => {
  const first = version("1.0.0", owner, -200);

  test("does not shorten the 72 hours of a reset by a version from the future", async () => {
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: 0 }, thief);
    const stolen = version("2.0.0", thief, 73);
    const leaves = [versionLeaf(first), reset, versionLeaf(stolen)];
    expect(await verified({ leaves, shown: [0, 1], entry: stolen }, knownKeys("future"))).toEqual(["time_in_future"]);
  });

  test("does not shorten the 72 hours of a reset by a time older than leaves before it", async () => {
    const other = version("1.0.0", owner, -1, "other");
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: -80 }, thief);
    const stolen = version("2.0.0", thief, 0);
    expect(await audited([versionLeaf(first), versionLeaf(other), reset, versionLeaf(stolen)])).toEqual(["backdated"]);
  });

  test("does not shorten the 72 hours of a reset by a time older than the package, for a user who never saw it", async () => {
    const young = version("1.0.0", owner, -1);
    const reset = keyChange(1, versionLeaf(young), thief, { action: "reset", hours: -80 }, thief);
    const stolen = version("2.0.0", thief, 0);
    const leaves = [versionLeaf(young), reset, versionLeaf(stolen)];
    expect(await verified({ leaves, shown: [0, 1], entry: stolen }, knownKeys("older"))).toEqual(["backdated"]);
  });

  test("does not let a replaced key sign after the reset by an older time of the version", async () => {
    const reset = keyChange(1, versionLeaf(first), next, { action: "reset", hours: -190 }, next);
    const stolen = version("2.0.0", owner, -195);
    const leaves = [versionLeaf(first), reset, versionLeaf(stolen)];
    expect(await verified({ leaves, shown: [0, 1], entry: stolen }, knownKeys("revived"))).toEqual(["backdated"]);
  });

  test("does not shorten the 72 hours of a reset by a version from the future that an audit sees years later", async () => {
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: -180 }, thief);
    const stolen = version("2.0.0", thief, -107);
    const other = version("1.0.0", owner, -179, "other");
    expect(await audited([versionLeaf(first), reset, versionLeaf(stolen), versionLeaf(other)])).toEqual(["backdated"]);
  });

  test("does not clear a compromised key with a version of another package", async () => {
    const signed = version("2.0.0", owner, -100);
    const added = keyChange(1, versionLeaf(first), next, { action: "add", hours: -50 }, owner, next);
    const removal = { reason: "compromised", since: "2.0.0" } as const;
    const removed = keyChange(2, added, owner, { action: "remove", hours: -40, removal }, next);
    const other = version("2.0.0", thief, -10, "other");
    const leaves = [versionLeaf(first), versionLeaf(signed), added, removed, versionLeaf(other)];
    const show = (shown: number[]) => verified({ leaves, shown, entry: signed }, knownKeys("cleared"));
    expect(await show([0, 2, 3])).toEqual(["key_compromised"]);
    expect(await show([0, 2, 3, 4])).toEqual(["history_broken"]);
  });

  test("does not clear a compromised key with a later removal that names a later version", async () => {
    const signed = version("2.0.0", owner, -100);
    const later = version("3.0.0", next, -30);
    const added = keyChange(1, versionLeaf(first), next, { action: "add", hours: -50 }, owner, next);
    const since = (text: string) => ({ reason: "compromised", since: text }) as const;
    const removed = keyChange(2, added, owner, { action: "remove", hours: -40, removal: since("2.0.0") }, next);
    const again = keyChange(3, removed, owner, { action: "remove", hours: -20, removal: since("3.0.0") }, next);
    const leaves = [versionLeaf(first), versionLeaf(signed), added, removed, versionLeaf(later), again];
    const shown = [0, 2, 3, 4, 5];
    expect(await verified({ leaves, shown, entry: signed }, knownKeys("later"))).toEqual(["key_compromised"]);
  });

  test("does not clear a compromised key with a second leaf of the named version behind the removal", async () => {
    const named = version("1.5.0", owner, -120);
    const signed = version("2.0.0", owner, -100);
    const added = keyChange(1, versionLeaf(first), next, { action: "add", hours: -50 }, owner, next);
    const removal = { reason: "compromised", since: "1.5.0" } as const;
    const removed = keyChange(2, added, owner, { action: "remove", hours: -40, removal }, next);
    const again = version("1.5.0+again", next, -10);
    const leaves = [first, named, signed].map(versionLeaf).concat(added, removed, versionLeaf(again));
    const show = (shown: number[]) => verified({ leaves, shown, entry: signed }, knownKeys("second"));
    expect(await show([0, 1, 3, 4])).toEqual(["key_compromised"]);
    expect(await show([0, 3, 4, 5])).toEqual(["key_compromised"]);
  });

  test("distrusts a compromised key since the named version, however the number of that version is spelled", async () => {
    const second = version("2.0.0+build", owner, -100);
    const added = keyChange(1, versionLeaf(first), next, { action: "add", hours: -50 }, owner, next);
    const removal = { reason: "compromised", since: "2.0.0" } as const;
    const removed = keyChange(2, added, owner, { action: "remove", hours: -40, removal }, next);
    const leaves = [versionLeaf(first), versionLeaf(second), added, removed];
    const shown = { leaves, shown: [0, 1, 2, 3] };
    expect(await verified({ ...shown, entry: first }, knownKeys("spelled"))).toEqual([]);
    expect(await verified({ ...shown, entry: second }, knownKeys("spelled"))).toEqual(["key_compromised"]);
  });

  test("does not let a key that was removed while its reset waited sign later", async () => {
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: -190 }, thief);
    const removal = { reason: "compromised", since: null } as const;
    const removed = keyChange(2, reset, thief, { action: "remove", hours: -180, removal }, owner);
    expect(await audited([versionLeaf(first), reset, removed])).toEqual(["key_change_invalid"]);
  });

  test.each<[who: string, by: string | null, signers: SigningKey[]]>([
    ["a cancel by an account with a signature", "ana", [thief]],
    ["an uphold without an account", null, []],
    ["an uphold with a signature", "root", [thief]],
  ])("refuses %s", async (what, by, signers) => {
    const action = what.startsWith("a cancel") ? "cancel" : "uphold";
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: -190 }, thief);
    const ended = keyChange(2, reset, thief, { action, hours: -180, by }, ...signers);
    expect(await audited([versionLeaf(first), reset, ended])).toEqual(["key_change_invalid"]);
  });

  test("lets at most 20 keys sign, so that one leaf costs at most as many checks", () => {
    const history: PackageHistory = beginHistory(first);
    const codes = Array.from({ length: 20 }, (_, at) => {
      const added = makeKey();
      const about = {
        name: "hello",
        action: "add",
        publicKey: added.publicHex,
        previous: history.previous,
        at: timeAt(0),
      } as const;
      const signatures = [owner, added].map((signer) => signMessage(signer, keyChangeStatement(ORIGIN, about)));
      return replayKeyChange(history, ORIGIN, { ...about, seq: at + 1, by: "ana", signatures })?.code;
    });
    expect([codes.filter((code) => code !== undefined), history.active.length]).toEqual([["key_change_invalid"], 20]);
  });
});

describe("the record of keys that a user saw", () => {
  const digest = "ab".repeat(32);
  const seen = { first: digest, seq: 0, last: digest, seenAt: NOW.toISOString() };

  test.each(["constructor", "__proto__"])("is empty for a new package called %s, and is saved", async (name) => {
    const keys = knownKeys(`own-${name}`);
    for (const origin of [ORIGIN, "constructor"]) {
      expect(await keys.of(origin, name)).toBeUndefined();
      await keys.save(origin, name, seen);
      expect(await keys.of(origin, name)).toEqual(seen);
    }
  });

  test("shows once that a reset replaced keys without a signature of theirs, unless it was cancelled", async () => {
    const first = version("1.0.0", owner, -200);
    const reset = keyChange(1, versionLeaf(first), thief, { action: "reset", hours: -100 }, thief);
    const stolen = version("2.0.0", thief, -1);
    const cancel = keyChange(2, reset, thief, { action: "cancel", hours: -90 });
    const known = knownKeys("reset-shown");
    const look = { leaves: [versionLeaf(first)], shown: [], entry: first, now: timeAt(-150) };
    expect(await verified(look, known)).toEqual([]);
    const after = { leaves: [versionLeaf(first), reset, versionLeaf(stolen)], shown: [0, 1], entry: stolen };
    expect(await verified(after, known)).toEqual(["warning"]);
    expect(await verified(after, known)).toEqual([]);
    const other = knownKeys("reset-cancelled");
    expect(await verified(look, other)).toEqual([]);
    const cancelled = { leaves: [versionLeaf(first), reset, cancel], shown: [0, 1, 2], entry: first };
    expect(await verified(cancelled, other)).toEqual([]);
  });

  test.each([
    ["a time that is none", { ...seen, seenAt: "never" }],
    ["another form of time", { ...seen, seenAt: "2026" }],
    ["a negative number", { ...seen, seq: -1 }],
    ["a digest that is none", { ...seen, last: "ab" }],
    ["a text", "seen"],
  ])("is refused as damaged with %s", async (_, entry) => {
    const keys = knownKeys("damaged");
    await writeFile(keys.path, JSON.stringify({ [ORIGIN]: { hello: entry } }));
    await expect(keys.of(ORIGIN, "hello")).rejects.toThrow("is damaged");
  });

  test("an old proof from a file does not make a true reset look backdated later", async () => {
    const known = knownKeys("old-proof");
    const first = version("1.0.0", owner, -200);
    expect(await verified({ leaves: [versionLeaf(first)], shown: [], entry: first, isFresh: false }, known)).toEqual(
      [],
    );
    const reset = keyChange(1, versionLeaf(first), next, { action: "reset", hours: -100 }, next);
    const leaves = [versionLeaf(first), reset];
    // The warning tells that no earlier key signed the reset.
    expect(await verified({ leaves, shown: [0, 1], entry: first }, known)).toEqual(["warning"]);
    expect(await verified({ leaves, shown: [0, 1], entry: first }, known)).toEqual([]);
    // An old proof after a newer history passes with a warning, and does not forget what was seen.
    const old = { leaves: [versionLeaf(first)], shown: [], entry: first, isFresh: false };
    expect(await verified(old, known)).toEqual(["warning"]);
    expect(JSON.parse(await readFile(known.path, "utf8"))[ORIGIN].hello.seq).toBe(1);
  });
});

describe("a registry whose answers never end", () => {
  const answering = (next: (after: number) => number, filler = "") => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        const after = Number(new URL(url).searchParams.get("after") ?? -1);
        return Response.json({ entries: [{ index: after + 1, leaf: "x", proof: [] }], next: next(after), filler });
      },
    });
    const client = new RegistryClient(`http://127.0.0.1:${server.port}`, undefined);
    const asked = fetchHistory(client, { name: "hello", version: "1.0.0" }, 5);
    return asked.finally(() => server.stop(true));
  };

  test("is not asked again when its pages make no progress", async () => {
    await expect(answering((after) => after)).rejects.toThrow("without an end");
  });

  test("is audited until a hundred thousand problems are found, and not for ever", async () => {
    const key = signerOf();
    const checkpoint = signNote(formatCheckpoint({ origin: key.name, size: 2 ** 40, root: Buffer.alloc(32) }), key);
    const bundle = encodeBundle(Array.from({ length: 256 }, () => Buffer.from("x")));
    const bodies: [start: string, body: string | Buffer][] = [
      ["/log/checkpoint", checkpoint],
      ["/log/vkey", VKEY],
      ["/log/tile/entries/", bundle],
      ["/log/tile/0/", Buffer.concat(Array.from({ length: 256 }, () => leafHash(Buffer.from("x"))))],
    ];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        const [, body] = bodies.find(([start]) => new URL(url).pathname.startsWith(start)) ?? [];
        return body === undefined
          ? new Response("", { status: 404 })
          : new Response(typeof body === "string" ? body : new Uint8Array(body));
      },
    });
    const client = new RegistryClient(`http://127.0.0.1:${server.port}`, undefined);
    const home = { seenLogs: new SeenLogs(join(directory, "endless")), knownKeys: knownKeys("endless") };
    const trust = { client, ...home, vkey: undefined, policy: undefined, now: NOW };
    const audit = await auditLog(client, trust, { archives: false, report: () => undefined });
    await server.stop(true);
    expect(audit.fault).toContain("more than 100000 problems");
    expect(new Set(audit.problems.map(({ code }) => code))).toEqual(new Set(["leaf_malformed", "tile_differs"]));
  });

  test("does not fill the terminal with the reasons of a yank", async () => {
    const long = "x".repeat(5_000_000);
    const status = { yanked: true, yankReason: long, yankMessage: long, yankReplacement: long };
    const answer = { ...status, quarantine: { reason: long } };
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(answer) });
    const client = new RegistryClient(`http://127.0.0.1:${server.port}`, undefined);
    const digest = parseDigest(sha256(Buffer.of()));
    if (digest === undefined) throw new Error("no digest");
    const check = await checkRegistryStatus(client, { name: "hello", version: "1.0.0", digest, size: 1 });
    await server.stop(true);
    expect(check.result).toBe("warning");
    expect(check.detail.length).toBeLessThan(5_000);
  });

  test("is not read beyond two megabytes for a page", async () => {
    await expect(answering((after) => after + 1, "x".repeat(3_000_000))).rejects.toThrow("more than 2097152 bytes");
  });
});
