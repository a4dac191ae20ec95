import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { consistencyProof, type Hash, inclusionProof, rootOf } from "../../src/tlog/merkle.ts";
import { formatSignerKey, formatVerifierKey, signNote, verifierOf, verifyNote } from "../../src/tlog/note.ts";
import { tilePath } from "../../src/tlog/tile.ts";
import { openGoVerifier, type Question } from "./go-verifier.ts";
import { checkpointOf, type LogFolder, log, ORIGIN, openLogFolder, SIZES, signer, tree } from "./log-folder.ts";

const go = await openGoVerifier();
const vkey = formatVerifierKey(log);
const base64 = (hash: Hash): string => hash.toString("base64");

describe.skipIf(go === undefined)("Go's sumdb/tlog and sumdb/note", () => {
  const verifier = () => {
    if (go === undefined) throw new Error("skipped without Go");
    return go;
  };

  let folder: LogFolder;

  beforeAll(() => {
    folder = openLogFolder();
  });

  afterAll(() => {
    folder.remove();
    go?.remove();
  });

  test.each(SIZES)("Go computes the same root and tiles of %d leaves", async (size) => {
    const tiles = await folder.writeLog(size);
    const root = base64(await rootOf(size, tree.read));
    expect(await verifier().checkLog(folder.path, vkey)).toEqual({ size, root, tiles: tiles.length });
  });

  test("Go reports what was tampered with", async () => {
    const tiles = await folder.writeLog(257);
    const check = () => verifier().checkLog(folder.path, vkey);
    for (const tile of tiles) {
      expect(await folder.tampered(tilePath(tile), check)).toEqual({ error: expect.stringContaining(tilePath(tile)) });
    }
    const bundle = tilePath({ level: "entries", index: 1, width: 1 });
    expect(await folder.tampered(bundle, check)).toEqual({
      error: expect.stringContaining("the leaves make the root"),
    });
    folder.write("checkpoint", (await checkpointOf(257)).replace("\n257\n", "\n256\n"));
    expect(await check()).toEqual({ error: expect.stringContaining("checkpoint: invalid signature") });
    expect(await verifier().checkLog(folder.path, formatVerifierKey(signer(ORIGIN, 3)))).toEqual({
      error: expect.stringContaining("checkpoint: "),
    });
  });

  test("Go reads a log over HTTP", async () => {
    const tiles = await folder.writeLog(257);
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async ({ url }) => {
        const file = Bun.file(join(folder.path, new URL(url).pathname.replace("/log/", "")));
        return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
      },
    });
    const prefix = `http://127.0.0.1:${server.port}/log`;
    expect(await verifier().checkLog(prefix, vkey)).toMatchObject({ size: 257, tiles: tiles.length });
    rmSync(join(folder.path, "tile/1"), { recursive: true });
    expect(await verifier().checkLog(prefix, vkey)).toEqual({ error: "tile/1/000.p/1: 404 Not Found" });
  });

  test("Go accepts our proofs, and none for another leaf or size", async () => {
    const questions: Question[] = [];
    for (const size of SIZES.filter((each) => each > 0)) {
      const root = base64(await rootOf(size, tree.read));
      for (const index of new Set([0, Math.floor(size / 2), Math.floor(size / 3), size - 1])) {
        const hashes = (await inclusionProof(index, size, tree.read)).map(base64);
        const leaf = base64(tree.hash({ level: 0, index }));
        questions.push({ kind: "inclusion", hashes, index, leaf, size, root });
        const from = index + 1;
        const shown = (await consistencyProof(from, size, tree.read)).map(base64);
        const old = base64(await rootOf(from, tree.read));
        questions.push({ kind: "consistency", hashes: shown, from, old, size, root });
      }
    }
    const answers = await verifier().ask(questions);
    expect(answers).toEqual(questions.map(() => ({ answer: "holds" })));

    const wrong = questions
      .filter(({ size, index, from }) => size !== 1 && (index === 0 || from === 1))
      .map((asked) => (asked.kind === "inclusion" ? { ...asked, index: 1 } : { ...asked, from: 2 }));
    expect(wrong.length).toBeGreaterThan(10);
    for (const answer of await verifier().ask(wrong)) expect(answer).toHaveProperty("error");
  });

  test("Go opens our cosigned checkpoint with our verifier key", async () => {
    const note = await checkpointOf(257);
    const root = base64(await rootOf(257, tree.read));
    const answers = await verifier().ask([
      { kind: "note", note, key: vkey },
      { kind: "checkpoint", note, key: vkey },
      { kind: "note", note: note.replace("257", "258"), key: vkey },
    ]);
    expect(answers).toEqual([
      { answer: `${ORIGIN}\n257\n${root}\n` },
      { answer: `257 ${root}` },
      { error: expect.stringContaining("invalid signature") },
    ]);
  });

  test("Go signs notes as we do, and we verify its notes", async () => {
    const text = "sealed with ✓\n\nby Go\n";
    const [answer] = await verifier().ask([{ kind: "sign", text, key: formatSignerKey(ORIGIN, Buffer.alloc(32, 1)) }]);
    expect(answer).toEqual({ answer: signNote(text, log) });
    const signed = answer !== undefined && "answer" in answer ? answer.answer : "";
    expect(verifyNote(signed, [verifierOf(log)])).toEqual({ text, signed: [verifierOf(log)] });
    expect(verifyNote(signed.replace("✓", "✗"), [verifierOf(log)])).toBeUndefined();
  });
});
