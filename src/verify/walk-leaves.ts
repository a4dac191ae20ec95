import { type Frontier, type GrownTile, grow } from "../log/frontier.ts";
import { leafHash } from "../tlog/merkle.ts";
import { decodeBundle, TILE_WIDTH, tilePath, widthIn } from "../tlog/tile.ts";
import type { AuditState } from "./audit-state.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { type AuditContext, checkLeaf } from "./leaf-rules.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

/**
 * How many bundles, with the tiles of their hashes, are fetched ahead of the one that is checked.
 */
const AHEAD = 16;
/** How many bundles may have signature checks in progress while the next one is read. */
const CHECKED_CONCURRENCY = 4;
const SAVE_EVERY_MS = 5_000;
/** Saving takes at most about a tenth of the time: the state of a large log is large. */
const SAVE_COST = 10;
/**
 * Above the 263 kB of the largest bundle. It bounds what a hostile registry makes the audit hold.
 */
const TILE_MAX_BYTES = 512 * 1024;
/**
 * A log with so many problems is not read further. A hostile registry can claim any size, and could
 * fill the memory with problems.
 */
const PROBLEMS_MAX = 100_000;

/** A walk over the leaves of a log, which starts where `state` ends. */
export interface Walk {
  readonly client: RegistryClient;
  readonly size: number;
  readonly state: AuditState;
  readonly context: AuditContext;
  readonly problems: LeafProblem[];
  /** Archives that the registry refuses to send: a problem unless a status leaf says so. */
  readonly withheld: LeafProblem[];
  readonly report: (progress: { readonly done: number; readonly total: number; readonly bytes: number }) => void;
  /**
   * Called periodically and when the registry fails. Everything before this frontier is checked and
   * good.
   */
  readonly save: (frontier: Frontier) => Promise<void>;
}

/** The progress of a walk. */
interface Progress {
  frontier: Frontier;
  bytes: number;
  saveMs: number;
  /** The pending checks of each bundle, in order. */
  readonly checked: Promise<void>[];
}

/**
 * Checks all leaves up to a size and all tiles over them, and returns the frontier of the tree.
 * Throws `RegistryFault` if the registry stops answering; `problems` has what was found until then.
 */
export async function walkLeaves(walk: Walk): Promise<Frontier> {
  const progress: Progress = {
    frontier: walk.state.frontier,
    bytes: 0,
    saveMs: performance.now() + SAVE_EVERY_MS,
    checked: [],
  };
  try {
    for await (const { index, bundle, tile } of bundlesOf(walk)) {
      const leaves = decodeBundle(bundle);
      if (leaves?.length !== widthIn(walk.size, 0, index)) {
        const detail = `entry bundle ${index} does not have ${widthIn(walk.size, 0, index)} leaves`;
        walk.problems.push({ code: "bundle_malformed", index: index * TILE_WIDTH, detail });
        break;
      }
      progress.bytes += bundle.length + tile.length;
      await takeBundle(walk, progress, leaves.slice(progress.frontier.size - index * TILE_WIDTH), tile);
      requireFewProblems(walk, progress);
    }
    await Promise.all(progress.checked);
    await compareLastTiles(walk, progress.frontier);
  } catch (cause) {
    const checked = await Promise.allSettled(progress.checked);
    if (checked.every(({ status }) => status === "fulfilled")) await saveIfRight(walk, progress);
    throw cause;
  }
  return progress.frontier;
}

/** Throws `RegistryFault` if reading on would only find more of the same. */
function requireFewProblems({ client, problems, withheld }: Walk, { frontier }: Progress): void {
  if (problems.length + withheld.length <= PROBLEMS_MAX) return;
  throw new RegistryFault(
    `${client.url} has more than ${PROBLEMS_MAX} problems before leaf ${frontier.size}: the rest was not read`,
  );
}

async function takeBundle(walk: Walk, progress: Progress, leaves: readonly Buffer[], tile: Uint8Array) {
  const { context, problems, withheld, size } = walk;
  const checking = leaves.map((leaf, at) => checkLeaf(leaf, progress.frontier.size + at, context));
  const { frontier, grown } = grow(progress.frontier, leaves.map(leafHash));
  progress.frontier = frontier;
  const checked = Promise.all(checking).then((found) => {
    for (const problem of found) {
      if (problem !== undefined) (problem.code === "archive_withheld" ? withheld : problems).push(problem);
    }
  });
  // A failure is thrown when the checks are awaited. Until then it must not be an unhandled
  // rejection.
  checked.catch(() => undefined);
  progress.checked.push(checked);
  for (const full of grown.filter(({ hashes }) => hashes.length === TILE_WIDTH)) {
    compareTile(walk, full, full.level === 0 ? tile : await tileOf(walk, full));
  }
  if (progress.checked.length > CHECKED_CONCURRENCY) await progress.checked.shift();
  if (performance.now() > progress.saveMs) {
    await Promise.all(progress.checked.splice(0));
    const startedMs = performance.now();
    await saveIfRight(walk, progress);
    const tookMs = performance.now() - startedMs;
    progress.saveMs = performance.now() + Math.max(SAVE_EVERY_MS, tookMs * SAVE_COST);
  }
  walk.report({ done: progress.frontier.size, total: size, bytes: progress.bytes });
}

async function saveIfRight({ problems, save }: Walk, { frontier }: Progress): Promise<void> {
  if (problems.length === 0) await save(frontier);
}

/**
 * Yields the bundles with leaves to check in order, with the tiles of their hashes. It fetches some
 * ahead.
 */
async function* bundlesOf({ client, size, state }: Walk) {
  const fetchTile = (level: "entries" | 0, index: number) =>
    fetchPublished(client, tilePath({ level, index, width: widthIn(size, 0, index) }));
  const fetched: Promise<Uint8Array[]>[] = [];
  const first = Math.floor(state.frontier.size / TILE_WIDTH);
  const end = state.frontier.size === size ? first : Math.ceil(size / TILE_WIDTH);
  for (let index = first, next = first; index < end; index += 1) {
    for (; next < end && next < index + AHEAD; next += 1) {
      const both = Promise.all([fetchTile("entries", next), fetchTile(0, next)]);
      both.catch(() => undefined);
      fetched.push(both);
    }
    const [bundle = new Uint8Array(), tile = new Uint8Array()] = (await fetched.shift()) ?? [];
    yield { index, bundle, tile };
  }
}

/**
 * Fetches a tile that the checkpoint promises. Returns an empty one if the registry does not have
 * it.
 */
async function fetchPublished(client: RegistryClient, path: string): Promise<Uint8Array> {
  try {
    return await client.bytes(`/log/${path}`, TILE_MAX_BYTES);
  } catch (cause) {
    if (cause instanceof RegistryFault && cause.isMissing) return new Uint8Array();
    throw cause;
  }
}

function tileOf({ client, size }: Walk, { level, index }: GrownTile): Promise<Uint8Array> {
  return fetchPublished(client, tilePath({ level, index, width: widthIn(size, level, index) }));
}

/**
 * Compares the partial tiles with the leaves. An earlier audit that was interrupted did not compare
 * them.
 */
async function compareLastTiles(walk: Walk, { size, edges }: Frontier): Promise<void> {
  for (const [level, hashes] of edges.entries()) {
    const index = Math.floor(size / TILE_WIDTH ** (level + 1));
    const edge = { level, index, hashes };
    if (hashes.length > 0) compareTile(walk, edge, await tileOf(walk, edge));
  }
}

function compareTile({ size, problems }: Walk, { level, index, hashes }: GrownTile, published: Uint8Array): void {
  if (Buffer.concat(hashes).equals(published)) return;
  const path = tilePath({ level, index, width: widthIn(size, level, index) });
  const at = index * TILE_WIDTH ** (level + 1);
  problems.push({ code: "tile_differs", index: at, detail: `${path} does not match its leaves` });
}
