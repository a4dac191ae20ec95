import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { type Checkpoint, parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { parseLeaf } from "../../src/tlog/leaf.ts";
import { leafHash, rootOf, verifyInclusion } from "../../src/tlog/merkle.ts";
import { parseSignerKey, type VerifierKey, verifyNote } from "../../src/tlog/note.ts";
import { parseProof } from "../../src/tlog/proof.ts";
import { decodeBundle, TILE_WIDTH, type TileId, tilePath, tilesOfTree } from "../../src/tlog/tile.ts";
import { type MemoryTree, memoryTree } from "../support/memory-tree.ts";
import { TEST_LOG_KEY } from "../support/registry.ts";
import { guestOf } from "./driver.ts";
import { type Attempt, isAcknowledged } from "./journal.ts";
import type { Rows } from "./rows.ts";
import type { ServerProcess } from "./server.ts";
import { collect } from "./visible.ts";

/** A log as it is served, with a tree computed from its leaves. */
interface ServedLog {
  readonly checkpoint: Checkpoint;
  readonly tree: MemoryTree;
  readonly texts: readonly string[];
}

const key: VerifierKey | undefined = parseSignerKey(TEST_LOG_KEY);

/** The checkpoint in a note that the log signed. */
function opened(note: string): Checkpoint | undefined {
  return key && parseCheckpoint(verifyNote(note, [key])?.text ?? "");
}

async function served(url: string, path: string): Promise<Buffer> {
  const response = await fetch(`${url}/log/${path}`);
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`/log/${path} got ${response.status}: ${body}`);
  return body;
}

async function readLog(url: string): Promise<ServedLog> {
  const checkpoint = opened((await served(url, "checkpoint")).toString());
  if (checkpoint === undefined) throw new Error("the log's checkpoint is none of its key");
  const leaves: Uint8Array[] = [];
  for (const { index, width } of tilesOfTree(checkpoint.size).filter(({ level }) => level === 0)) {
    const bundle = decodeBundle(await served(url, tilePath({ level: "entries", index, width })));
    if (bundle?.length !== width) throw new Error(`bundle ${index} of the log has not ${width} leaves`);
    leaves.push(...bundle);
  }
  return { checkpoint, tree: memoryTree(leaves), texts: leaves.map((leaf) => Buffer.from(leaf).toString()) };
}

/** Root and tiles agree with the leaves. */
async function treeFaults(url: string, { checkpoint, tree }: ServedLog): Promise<string[]> {
  const root = await rootOf(checkpoint.size, tree.read);
  const faults = root.equals(checkpoint.root) ? [] : ["the log's leaves make another root than its checkpoint says"];
  const tileFaults = await collect(tilesOfTree(checkpoint.size), async (tile: TileId) =>
    (await served(url, tilePath(tile))).equals(tree.bytesOf(tile)) ? [] : [`the log's ${tilePath(tile)} is wrong`],
  );
  return [...faults, ...tileFaults];
}

/** Every version has one leaf, at the index in its row, and no other version has a leaf. */
function leafFaults({ texts }: ServedLog, { versions }: Rows): string[] {
  const faults: string[] = [];
  const rows = new Map(versions.map((row) => [`${row.name}/${row.version}`, row]));
  const seen = new Set<string>();
  for (const [at, text] of texts.entries()) {
    const leaf = parseLeaf(text);
    if (leaf === undefined) faults.push(`the log has no leaf but something else at ${at}`);
    if (leaf?.kind !== "version") continue;
    const named = `${leaf.name}/${leaf.version}`;
    const row = rows.get(named);
    if (seen.has(named)) faults.push(`the log has ${named} twice`);
    seen.add(named);
    if (row === undefined) faults.push(`the log has ${named} and the database has not`);
    else if (row.logIndex !== at) faults.push(`the log has ${named} at ${at} and the database says ${row.logIndex}`);
    if (row !== undefined && (row.sha256 !== leaf.sha256 || row.size !== leaf.size)) {
      faults.push(`the log has ${named} with other bytes than the database`);
    }
  }
  const missing = [...rows.keys()].filter((named) => !seen.has(named));
  return [...faults, ...missing.map((named) => `the log has no ${named}`)];
}

/** The faults of a checkpoint that a client saw: it must be a prefix of the log. */
async function prefixFault({ checkpoint, tree }: ServedLog, note: string): Promise<string | undefined> {
  const seen = opened(note);
  if (seen?.origin !== checkpoint.origin) return "is none of this log";
  if (seen.size > checkpoint.size) return `is of ${seen.size} leaves, and the log has ${checkpoint.size}`;
  return seen.root.equals(await rootOf(seen.size, tree.read)) ? undefined : "is no beginning of the log";
}

/**
 * The proof in the answer to a publish is of this version, and of a tree that is a prefix of the
 * log.
 */
async function proofFaults(log: ServedLog, { name, version, sha256, proof: text }: Attempt): Promise<string[]> {
  const named = `the proof of ${name}/${version}`;
  const proof = parseProof(text ?? "");
  if (proof === undefined) return [`${named} is none`];
  const leafText = log.texts[proof.index] ?? "";
  const leaf = parseLeaf(leafText);
  if (leaf?.kind !== "version" || leaf.name !== name || leaf.version !== version || leaf.sha256 !== sha256) {
    return [`${named} is of something else`];
  }
  const fault = await prefixFault(log, proof.checkpoint);
  if (fault !== undefined) return [`${named}: its checkpoint ${fault}`];
  const tree = opened(proof.checkpoint);
  const hash = leafHash(Buffer.from(leafText));
  const holds = tree && verifyInclusion(proof.hashes, proof.index, hash, tree.size, tree.root);
  return holds ? [] : [`${named} does not hold`];
}

/** The copy in the blob store is of this log and not ahead of it, and all its tiles are there. */
async function copyFaults(log: ServedLog, { url, dataDir }: Pick<ServerProcess, "url" | "dataDir">): Promise<string[]> {
  let copy: string;
  try {
    copy = readFileSync(join(dataDir, CHECKPOINT_COPY), "utf8");
  } catch {
    // Nothing was published yet, or the process died before it copied the checkpoint.
    return [];
  }
  const fault = await prefixFault(log, copy);
  if (fault !== undefined) return [`the copy of the checkpoint ${fault}`];
  return collect(tilesWithEntries(opened(copy)?.size ?? 0), async (tile) => {
    const path = tilePath(tile);
    const file = join(dataDir, "log", path);
    if (existsSync(file) && readFileSync(file).equals(await served(url, path))) return [];
    // A server that went on in the meantime filled the tile.
    const full = join(dataDir, "log", tilePath({ ...tile, width: TILE_WIDTH }));
    return existsSync(full) ? [] : [`the static ${path} is missing or is not what is served`];
  });
}

function tilesWithEntries(size: number): TileId[] {
  return tilesOfTree(size).flatMap((tile) =>
    tile.level === 0 ? [tile, { ...tile, level: "entries" as const }] : tile,
  );
}

/** The rollback guard reacts only to a rollback. */
async function guardFaults(url: string): Promise<string[]> {
  const { body, text } = await guestOf(url).get("/health/ready");
  return body.checks.log === "failing" ? [`the log takes this for a rollback: ${text}`] : [];
}

/**
 * Reads the whole log as a client does, while nobody publishes. Compares it with the database, with
 * the answers in the journals and with the copy in the blob store.
 */
export async function logFaults(
  server: Pick<ServerProcess, "url" | "dataDir">,
  rows: Rows,
  attempts: readonly Attempt[],
): Promise<string[]> {
  try {
    const log = await readLog(server.url);
    return [
      ...(await treeFaults(server.url, log)),
      ...leafFaults(log, rows),
      ...(await collect(attempts.filter(isAcknowledged), (attempt) => proofFaults(log, attempt))),
      ...(await copyFaults(log, server)),
      ...(await guardFaults(server.url)),
    ];
  } catch (cause) {
    return [`the log cannot be read: ${cause}`];
  }
}
