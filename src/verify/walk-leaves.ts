import { type Frontier, type GrownTile, grow } from "../log/frontier.ts";
import { leafHash } from "../tlog/merkle.ts";
import { decodeBundle, TILE_WIDTH, tilePath, widthIn } from "../tlog/tile.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import type { AuditState } from "./audit-state.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { checkLeaf } from "./leaf-rules.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

/** Bundles, and tiles of their hashes, that are asked for ahead of the one that is checked. */
const AHEAD = 16;
/** Bundles whose signatures are being checked while the next is read. */
const JUDGED_CONCURRENCY = 4;
const SAVE_EVERY_MS = 5_000;

/** A walk over the leaves of a log, from where `state` ends. */
export interface Walk {
  readonly client: RegistryClient;
  readonly size: number;
  readonly state: AuditState;
  readonly archives: ArchiveReader | undefined;
  readonly problems: LeafProblem[];
  /** What is no problem of the log: archives that the registry holds back. */
  readonly withheld: LeafProblem[];
  readonly report: (progress: { readonly done: number; readonly total: number; readonly bytes: number }) => void;
  /** Told now and then, and when the registry fails: everything before this frontier was judged and is right. */
  readonly save: (frontier: Frontier) => Promise<void>;
}

/** What is going on while bundles are read. */
interface Progress {
  frontier: Frontier;
  bytes: number;
  savedMs: number;
  /** One for each bundle, in their order. */
  readonly judged: Promise<void>[];
}

/**
 * Checks all leaves up to a size with the tiles that they make, and returns where the tree ends. Throws `RegistryFault`
 * when the registry stops to answer; what was found until then is in `problems`.
 */
export async function walkLeaves(walk: Walk): Promise<Frontier> {
  const progress: Progress = { frontier: walk.state.frontier, bytes: 0, savedMs: performance.now(), judged: [] };
  try {
    for await (const { index, bundle, tile } of bundlesOf(walk)) {
      const leaves = decodeBundle(bundle);
      if (leaves?.length !== widthIn(walk.size, 0, index)) {
        const detail = `entry bundle ${index} has not ${widthIn(walk.size, 0, index)} leaves`;
        walk.problems.push({ code: "bundle_malformed", index: index * TILE_WIDTH, detail });
        break;
      }
      progress.bytes += bundle.length + tile.length;
      await takeBundle(walk, progress, leaves.slice(progress.frontier.size - index * TILE_WIDTH), tile);
    }
    await Promise.all(progress.judged);
    await compareLastTiles(walk, progress.frontier);
  } catch (cause) {
    const judged = await Promise.allSettled(progress.judged);
    if (judged.every(({ status }) => status === "fulfilled")) await saveIfRight(walk, progress);
    throw cause;
  }
  return progress.frontier;
}

async function takeBundle(walk: Walk, progress: Progress, leaves: readonly Uint8Array[], tile: Uint8Array) {
  const { state, archives, problems, withheld, size } = walk;
  const grown: GrownTile[] = [];
  const judging: Promise<LeafProblem | undefined>[] = [];
  for (const leaf of leaves) {
    judging.push(checkLeaf(leaf, progress.frontier.size, state.history, archives));
    const next = grow(progress.frontier, leafHash(leaf));
    progress.frontier = next.frontier;
    grown.push(...next.grown.filter(({ hashes }) => hashes.length === TILE_WIDTH));
  }
  const judged = Promise.all(judging).then((found) => {
    for (const problem of found) {
      if (problem !== undefined) (problem.code === "archive_withheld" ? withheld : problems).push(problem);
    }
  });
  // Whoever waits for it learns of a failure; until then it is nobody's fault.
  judged.catch(() => undefined);
  progress.judged.push(judged);
  for (const full of grown) compareTile(walk, full, full.level === 0 ? tile : await tileOf(walk, full));
  if (progress.judged.length > JUDGED_CONCURRENCY) await progress.judged.shift();
  if (performance.now() - progress.savedMs > SAVE_EVERY_MS) {
    await Promise.all(progress.judged.splice(0));
    await saveIfRight(walk, progress);
    progress.savedMs = performance.now();
  }
  walk.report({ done: progress.frontier.size, total: size, bytes: progress.bytes });
}

async function saveIfRight({ problems, save }: Walk, { frontier }: Progress): Promise<void> {
  if (problems.length === 0) await save(frontier);
}

/** The bundles that have leaves to check, in their order, with the tiles of their hashes; some are asked for ahead. */
async function* bundlesOf({ client, size, state }: Walk) {
  const ask = (level: "entries" | 0, index: number) =>
    published(client, tilePath({ level, index, width: widthIn(size, 0, index) }));
  const asked: Promise<Uint8Array[]>[] = [];
  const first = Math.floor(state.frontier.size / TILE_WIDTH);
  const end = state.frontier.size === size ? first : Math.ceil(size / TILE_WIDTH);
  for (let index = first, next = first; index < end; index += 1) {
    for (; next < end && next < index + AHEAD; next += 1) {
      const both = Promise.all([ask("entries", next), ask(0, next)]);
      both.catch(() => undefined);
      asked.push(both);
    }
    const [bundle = new Uint8Array(), tile = new Uint8Array()] = (await asked.shift()) ?? [];
    yield { index, bundle, tile };
  }
}

/** A tile that the checkpoint promises; one that the registry has not is as good as an empty one. */
async function published(client: RegistryClient, path: string): Promise<Uint8Array> {
  try {
    return await client.bytes(`/log/${path}`);
  } catch (cause) {
    if (cause instanceof RegistryFault && cause.isMissing) return new Uint8Array();
    throw cause;
  }
}

function tileOf({ client, size }: Walk, { level, index }: GrownTile): Promise<Uint8Array> {
  return published(client, tilePath({ level, index, width: widthIn(size, level, index) }));
}

/** The tiles that are not full. An audit that was broken off never saw them. */
async function compareLastTiles(walk: Walk, { size, edges }: Frontier): Promise<void> {
  for (const [level, hashes] of edges.entries()) {
    const index = Math.floor(size / TILE_WIDTH ** (level + 1));
    const edge = { level, index, hashes };
    if (hashes.length > 0) compareTile(walk, edge, await tileOf(walk, edge));
  }
}

function compareTile({ size, problems }: Walk, { level, index, hashes }: GrownTile, told: Uint8Array): void {
  if (Buffer.concat(hashes).equals(told)) return;
  const path = tilePath({ level, index, width: widthIn(size, level, index) });
  const at = index * TILE_WIDTH ** (level + 1);
  problems.push({ code: "tile_differs", index: at, detail: `${path} is not what its leaves make` });
}
