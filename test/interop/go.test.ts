import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cosign, formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { consistencyProof, type Hash, inclusionProof, rootOf } from "../../src/tlog/merkle.ts";
import {
  COSIGNATURE,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  type SignerKey,
  signNote,
  verifierOf,
  verifyNote,
} from "../../src/tlog/note.ts";
import { type TileId, tilePath, tilesOfTree } from "../../src/tlog/tile.ts";
import { memoryTree } from "../support/memory-tree.ts";
import { openGoVerifier, type Question } from "./go-verifier.ts";

const SIZES = [0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 70_000];
const ORIGIN = "registry.example/log";

const go = await openGoVerifier();
const tree = memoryTree(Array.from({ length: 70_000 }, (_, at) => Buffer.from(`leaf ${at}\n`)));
let folder = "";

function signer(name: string, seed: number, type?: typeof COSIGNATURE): SignerKey {
  const key = parseSignerKey(formatSignerKey(name, Buffer.alloc(32, seed), type));
  if (key === undefined) throw new Error("a key that was written cannot be read");
  return key;
}

const log = signer(ORIGIN, 1);
const witness = signer("witness.example/w1", 2, COSIGNATURE);
const vkey = formatVerifierKey(log);
const base64 = (hash: Hash): string => hash.toString("base64");

async function checkpointOf(size: number): Promise<string> {
  const text = formatCheckpoint({ origin: ORIGIN, size, root: await rootOf(size, tree.read) });
  return signNote(text, log) + cosign(text, witness, new Date(1_700_000_000_000));
}

function write(path: string, bytes: string | Uint8Array): void {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, bytes);
}

/** Writes what a log of that size serves; full tiles are those of smaller ones. */
async function writeLog(size: number): Promise<readonly TileId[]> {
  const tiles = tilesOfTree(size);
  const bundles = tiles.filter(({ level }) => level === 0).map((tile) => ({ ...tile, level: "entries" as const }));
  for (const tile of [...tiles, ...bundles]) write(tilePath(tile), tree.bytesOf(tile));
  write("checkpoint", await checkpointOf(size));
  return tiles;
}

/** Changes one bit of a file while something is done. */
async function tampered<T>(path: string, during: () => Promise<T>): Promise<T> {
  const whole = join(folder, path);
  const bytes = readFileSync(whole);
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  writeFileSync(whole, changed);
  try {
    return await during();
  } finally {
    writeFileSync(whole, bytes);
  }
}

describe.skipIf(go === undefined)("Go's sumdb/tlog and sumdb/note", () => {
  const verifier = () => {
    if (go === undefined) throw new Error("skipped without Go");
    return go;
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "cpm-log-"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    go?.remove();
  });

  test.each(SIZES)("make the same root and tiles of %d leaves", async (size) => {
    const tiles = await writeLog(size);
    const root = base64(await rootOf(size, tree.read));
    expect(await verifier().checkLog(folder, vkey)).toEqual({ size, root, tiles: tiles.length });
  });

  test("name what was tampered with", async () => {
    const tiles = await writeLog(257);
    const check = () => verifier().checkLog(folder, vkey);
    for (const tile of tiles) {
      expect(await tampered(tilePath(tile), check)).toEqual({ error: expect.stringContaining(tilePath(tile)) });
    }
    const bundle = tilePath({ level: "entries", index: 1, width: 1 });
    expect(await tampered(bundle, check)).toEqual({ error: expect.stringContaining("the leaves make the root") });
    write("checkpoint", (await checkpointOf(257)).replace("\n257\n", "\n256\n"));
    expect(await check()).toEqual({ error: expect.stringContaining("checkpoint: invalid signature") });
    expect(await verifier().checkLog(folder, formatVerifierKey(signer(ORIGIN, 3)))).toEqual({
      error: expect.stringContaining("checkpoint: "),
    });
  });

  test("read a log over HTTP too", async () => {
    const tiles = await writeLog(257);
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async ({ url }) => {
        const file = Bun.file(join(folder, new URL(url).pathname.replace("/log/", "")));
        return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
      },
    });
    const prefix = `http://127.0.0.1:${server.port}/log`;
    expect(await verifier().checkLog(prefix, vkey)).toMatchObject({ size: 257, tiles: tiles.length });
    rmSync(join(folder, "tile/1"), { recursive: true });
    expect(await verifier().checkLog(prefix, vkey)).toEqual({ error: "tile/1/000.p/1: 404 Not Found" });
  });

  test("accept our proofs, and none for another leaf or size", async () => {
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

  test("open our cosigned checkpoint with our verifier key", async () => {
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

  test("sign notes as we do, and we verify theirs", async () => {
    const text = "sealed with ✓\n\nby Go\n";
    const [answer] = await verifier().ask([{ kind: "sign", text, key: formatSignerKey(ORIGIN, Buffer.alloc(32, 1)) }]);
    expect(answer).toEqual({ answer: signNote(text, log) });
    const signed = answer !== undefined && "answer" in answer ? answer.answer : "";
    expect(verifyNote(signed, [verifierOf(log)])).toEqual({ text, signed: [verifierOf(log)] });
    expect(verifyNote(signed.replace("✓", "✗"), [verifierOf(log)])).toBeUndefined();
  });
});
