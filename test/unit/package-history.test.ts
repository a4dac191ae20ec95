import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type KeyAction, keyChangeStatement } from "../../src/signing/key-statements.ts";
import type { KeyEntry } from "../../src/tlog/key-leaf.ts";
import { keyLeaf, type VersionEntry, versionLeaf } from "../../src/tlog/leaf.ts";
import { beginHistory, type PackageHistory, replayKeyChange, replayVersion } from "../../src/verify/package-history.ts";
import { makeKey, type SigningKey, signMessage } from "../support/client.ts";

const REGISTRY = "cpm.example.org/log";
const START = Date.parse("2026-11-29T12:00:00Z");
const HOUR_MS = 3_600_000;
const REMOVED = { reason: "superseded", since: null } as const;
const [first, second, stranger] = [makeKey(), makeKey(), makeKey()];

const version = (text: string, key: SigningKey, hours = 0): VersionEntry => ({
  name: "hello",
  version: text,
  sha256: "ab".repeat(32),
  size: 10,
  publicKey: key.publicHex,
  scheme: "cpm-v1",
  signature: Buffer.alloc(64, 1).toString("base64"),
  publishedAt: new Date(START + hours * HOUR_MS),
});

interface Change {
  readonly action: KeyAction;
  readonly key: SigningKey;
  readonly by?: string | null;
  readonly signers?: readonly SigningKey[];
  readonly hours?: number;
  readonly removal?: KeyEntry["removal"];
  readonly registry?: string;
}

/** The key leaf that follows a history, signed by the given keys. */
function changeAfter(history: PackageHistory, change: Change): KeyEntry {
  const { action, key, by = "ana", signers = [], hours = 1, removal, registry = REGISTRY } = change;
  const at = new Date(START + hours * HOUR_MS);
  const about = { name: "hello", action, publicKey: key.publicHex, previous: history.previous, at };
  const whole = { ...about, ...(removal && { removal }) };
  const statement = keyChangeStatement(registry, whole);
  return { ...whole, seq: history.seq + 1, by, signatures: signers.map((signer) => signMessage(signer, statement)) };
}

const begun = () => beginHistory(version("1.0.0", first));
const take = (history: PackageHistory, change: Change) =>
  replayKeyChange(history, REGISTRY, changeAfter(history, change))?.code;
const signs = (history: PackageHistory, key: SigningKey, hours = 2) =>
  replayVersion(history, version("2.0.0", key, hours))?.code;

describe("the history of a package's keys", () => {
  test("pins the signer of the first version, and trusts no other key", () => {
    expect(signs(begun(), first)).toBeUndefined();
    expect(signs(begun(), stranger)).toBe("signer_not_trusted");
  });

  test("names the first version's leaf as previous of the first change", () => {
    const leaf = versionLeaf(version("1.0.0", first));
    expect(begun().previous).toBe(createHash("sha256").update(leaf).digest("hex"));
  });

  test("trusts a key that a trusted key and the new key signed for", () => {
    const history = begun();
    expect(take(history, { action: "add", key: second, signers: [first, second] })).toBeUndefined();
    expect([signs(history, second), signs(history, first)]).toEqual([undefined, undefined]);
  });

  test.each<[what: string, change: Change]>([
    ["an added key that signed for itself alone", { action: "add", key: stranger, signers: [stranger, stranger] }],
    ["an added key that did not sign", { action: "add", key: second, signers: [first] }],
    ["an add statement for another registry", { action: "add", key: second, signers: [first, second], registry: "x" }],
    ["an added key without signatures", { action: "add", key: second }],
    ["a key that is trusted already", { action: "add", key: first, signers: [first, first] }],
    ["a removal that a stranger signed", { action: "remove", key: first, signers: [stranger], removal: REMOVED }],
    ["a reset that its key did not sign", { action: "reset", key: second, signers: [first] }],
    ["a cancel without a reset", { action: "cancel", key: second }],
    ["an upheld reset without a reset", { action: "uphold", key: second }],
  ])("refuses %s", (_, change) => {
    const history = begun();
    expect(take(history, change)).toBe("key_change_invalid");
    expect(signs(history, change.key === first ? second : change.key)).toBe("signer_not_trusted");
  });

  test("does not take the signature of a removal for another reason or version", () => {
    const history = begun();
    const signed = changeAfter(history, { action: "remove", key: first, signers: [first], removal: REMOVED });
    const other = { ...signed, removal: { reason: "compromised", since: null } as const };
    expect(replayKeyChange(history, REGISTRY, other)?.code).toBe("key_change_invalid");
  });

  test("a removed key signs no later version", () => {
    const history = begun();
    take(history, { action: "add", key: second, signers: [first, second] });
    expect(take(history, { action: "remove", key: first, signers: [second], removal: REMOVED })).toBeUndefined();
    expect(signs(history, first)).toBe("signer_not_trusted");
  });

  test("a compromised key is kept with the version since which it is not trusted, and is never added again", () => {
    const history = begun();
    take(history, { action: "add", key: second, signers: [first, second] });
    const removal = { reason: "compromised", since: "1.0.0" } as const;
    expect(take(history, { action: "remove", key: first, signers: [second], removal })).toBeUndefined();
    expect(history.compromised).toEqual([{ publicKey: first.publicHex, since: "1.0.0" }]);
    expect(take(history, { action: "add", key: first, signers: [second, first] })).toBe("key_change_invalid");
  });

  test("a reset lets its key sign after 72 hours, in place of all others, and not before", () => {
    const history = begun();
    expect(take(history, { action: "reset", key: second, signers: [second], hours: 1 })).toBeUndefined();
    expect(signs(history, second, 72)).toBe("signer_not_trusted");
    expect([signs(history, second, 73), signs(history, first, 73)]).toEqual([undefined, "signer_not_trusted"]);
  });

  test.each<[who: string, change: Partial<Change>, code: "key_change_invalid" | undefined]>([
    ["an owner", { by: "ana" }, undefined],
    ["a key that may sign", { by: null, signers: [first] }, undefined],
    ["a stranger's key", { by: null, signers: [stranger] }, "key_change_invalid"],
    ["nobody", { by: null }, "key_change_invalid"],
  ])("a reset that %s cancels", (_, change, code) => {
    const history = begun();
    take(history, { action: "reset", key: second, signers: [second] });
    expect(take(history, { action: "cancel", key: second, hours: 2, ...change })).toBe(code);
    expect(signs(history, second, 90)).toBe(code === undefined ? "signer_not_trusted" : undefined);
  });

  test("a key cannot cancel a reset that an administrator upheld, and an owner can", () => {
    const history = begun();
    take(history, { action: "reset", key: second, signers: [second] });
    expect(take(history, { action: "uphold", key: second, by: "root" })).toBeUndefined();
    expect(take(history, { action: "cancel", key: second, by: null, signers: [first] })).toBe("key_change_invalid");
    expect(take(history, { action: "cancel", key: second, by: "ana" })).toBeUndefined();
  });

  test("a missing or repeated leaf is a gap, and one that continues another leaf breaks the history", () => {
    const history = begun();
    const added = changeAfter(history, { action: "add", key: second, signers: [first, second] });
    expect(replayKeyChange(begun(), REGISTRY, { ...added, seq: 2 })?.code).toBe("sequence_gap");
    expect(replayKeyChange(begun(), REGISTRY, { ...added, previous: "00".repeat(32) })?.code).toBe("history_broken");
    replayKeyChange(history, REGISTRY, added);
    expect(replayKeyChange(history, REGISTRY, added)?.code).toBe("sequence_gap");
    expect(keyLeaf(added)).toStartWith("cpm.key/v2 hello 1 add ");
  });
});
