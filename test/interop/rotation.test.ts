import { afterAll, beforeAll, expect, test } from "bun:test";
import { leafHash } from "../../src/tlog/merkle.ts";
import { parseNote } from "../../src/tlog/note.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { FIRST_LOG_KEY, newLogKey, reopenLog, restartLog, rotateLogKey, vkeyOf } from "../support/log-keys.ts";
import { onBothDatabases } from "../support/registry.ts";
import { openGoVerifier } from "./go-verifier.ts";

/* Go's sumdb/tlog and sumdb/note read a log whose key is replaced, and one that began anew. */

const go = await openGoVerifier();
afterAll(() => go?.remove());

onBothDatabases("the log of a registry whose key changes", (registry) => {
  const [oldKey, newKey, freshKey] = [FIRST_LOG_KEY, newLogKey(), newLogKey("registry.test/fresh")];
  const key = makeKey();
  let alice: Client;

  const publish = async (name: string) => {
    const answer = await alice.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
    expect(answer.status).toBe(201);
  };
  const checked = (by: typeof oldKey) => go?.checkLog(`${registry().url}/log`, vkeyOf(by));

  beforeAll(async () => {
    alice = await newAccount(registry());
    await publish("before");
    await rotateLogKey(registry(), oldKey, newKey);
    await publish("between");
  });

  test.skipIf(go === undefined)(
    "while both keys sign, Go verifies the log with the old key and with the new one",
    async () => {
      expect([await checked(oldKey), await checked(newKey)]).toMatchObject([{ size: 3 }, { size: 3 }]);
    },
  );

  test.skipIf(go === undefined)("afterwards Go verifies it with the new key alone", async () => {
    await reopenLog(registry(), [newKey]);
    await publish("after");
    expect(await checked(newKey)).toMatchObject({ size: 4 });
    expect(await checked(oldKey)).toEqual({ error: expect.stringContaining("checkpoint: ") });
  });

  test.skipIf(go === undefined)("Go follows the rotation from the old key to the newest checkpoint", async () => {
    const note = (await alice.get("/log/checkpoint")).text;
    const { changes, size } = (await alice.get("/api/log/changes")).body;
    const [{ index, leaf, checkpoint, proof }] = changes;
    const [, , root = ""] = note.split("\n");
    const [, keptSize, old = ""] = checkpoint.split("\n");
    const from = Number(keptSize);
    const { proof: hashes } = (await alice.get(`/api/log/consistency?from=${from}&to=${size}`)).body;
    const hash = leafHash(Buffer.from(leaf)).toString("base64");
    expect(
      await go?.ask([
        { kind: "note", note: leaf, key: vkeyOf(oldKey) },
        { kind: "note", note: leaf, key: vkeyOf(newKey) },
        { kind: "checkpoint", note: checkpoint, key: vkeyOf(oldKey) },
        { kind: "inclusion", hashes: proof, index, leaf: hash, size, root },
        { kind: "consistency", hashes, from, old, size, root },
        { kind: "checkpoint", note, key: vkeyOf(newKey) },
      ]),
    ).toEqual([
      { answer: parseNote(leaf)?.text ?? "" },
      { answer: parseNote(leaf)?.text ?? "" },
      { answer: `${index + 1} ${old}` },
      { answer: "holds" },
      { answer: "holds" },
      { answer: `${size} ${root}` },
    ]);
    expect(leaf).toContain(`new ${vkeyOf(newKey)}\n`);
  });

  test.skipIf(go === undefined)("Go verifies a log that began anew, and that it continues the old one", async () => {
    const before = (await alice.get("/log/checkpoint")).text;
    await restartLog(registry(), freshKey);
    await publish("anew");
    expect(await checked(freshKey)).toMatchObject({ size: 6 });
    const note = (await alice.get("/log/checkpoint")).text;
    const [, from, old = ""] = before.split("\n");
    const [, size, root = ""] = note.split("\n");
    const { proof: hashes } = (await alice.get(`/api/log/consistency?from=${from}&to=${size}`)).body;
    const asked = { kind: "consistency", hashes, from: Number(from), old, size: Number(size), root } as const;
    expect(await go?.ask([asked])).toEqual([{ answer: "holds" }]);
  });
});
