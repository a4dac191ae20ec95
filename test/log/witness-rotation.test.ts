import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { consistencyProof, rootOf } from "../../src/tlog/merkle.ts";
import { COSIGNATURE, formatSignerKey, type SignerKey, signatureLine, verifierOf } from "../../src/tlog/note.ts";
import { formatSubmission } from "../../src/tlog/submission.ts";
import { addCheckpoint, type WitnessedLogs } from "../../src/witness/add-checkpoint.ts";
import { FIRST_LOG_KEY, logKeyOf, newLogKey } from "../support/log-keys.ts";
import { memoryTree } from "../support/memory-tree.ts";

/* A witness of a log whose key is replaced is given both keys, then the new one alone. */

const [oldKey, newKey] = [FIRST_LOG_KEY, newLogKey()];
const signer = logKeyOf(formatSignerKey("witness.test/one", randomBytes(32), COSIGNATURE));
const tree = memoryTree(["one", "two", "three", "four"].map((leaf) => Buffer.from(leaf)));

function memory(): WitnessedLogs {
  const stored = new Map<string, string>();
  return {
    locked: (_, work) => work(),
    last: async (origin) => stored.get(origin),
    store: async (origin, note) => void stored.set(origin, note),
  };
}

async function submit(
  witnessed: WitnessedLogs,
  logs: readonly SignerKey[],
  from: number,
  size: number,
  by: readonly SignerKey[],
) {
  const text = formatCheckpoint({ origin: oldKey.name, size, root: await rootOf(size, tree.read) });
  const checkpoint = [`${text}\n`, ...by.map((key) => signatureLine(text, key))].join("");
  const body = formatSubmission({ oldSize: from, proof: await consistencyProof(from, size, tree.read), checkpoint });
  const witness = { signer, logs: logs.map(verifierOf), witnessed, clock: () => new Date() };
  return (await addCheckpoint(witness, body)).status;
}

test("a witness that knows the old key cosigns while both sign, and refuses the new key alone", async () => {
  const witnessed = memory();
  expect(await submit(witnessed, [oldKey], 0, 1, [oldKey])).toBe(200);
  expect(await submit(witnessed, [oldKey], 1, 2, [newKey, oldKey])).toBe(200);
  expect(await submit(witnessed, [oldKey], 2, 3, [newKey])).toBe(403);
});

test("a witness that is given both keys follows from one to the other, then needs the new one alone", async () => {
  const witnessed = memory();
  expect(await submit(witnessed, [oldKey, newKey], 0, 1, [oldKey])).toBe(200);
  expect(await submit(witnessed, [oldKey, newKey], 1, 2, [newKey])).toBe(200);
  expect(await submit(witnessed, [newKey], 2, 3, [newKey])).toBe(200);
  expect(await submit(witnessed, [newKey], 3, 4, [oldKey])).toBe(403);
});

test("a witness that lost the key of its stored checkpoint says which key it needs, and cosigns nothing", async () => {
  const witnessed = memory();
  expect(await submit(witnessed, [oldKey], 0, 1, [oldKey])).toBe(200);
  await expect(submit(witnessed, [newKey], 1, 2, [newKey])).rejects.toThrow("the key that signed it, too, with --log");
});
