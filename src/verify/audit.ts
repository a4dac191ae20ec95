import { type Frontier, type GrownTile, grow, rootOfFrontier } from "../log/frontier.ts";
import type { Checkpoint } from "../tlog/checkpoint.ts";
import type { VersionEntry } from "../tlog/leaf.ts";
import { decodeBundle, TILE_WIDTH, tilePath, widthIn } from "../tlog/tile.ts";
import { type AuditState, firstState, stateOf, storedOf } from "./audit-state.ts";
import { checkCheckpoint, type Trust } from "./checkpoint-checks.ts";
import { type Check, failed, isGood, ok } from "./checks.ts";
import { checkLeaf, type LeafProblem } from "./leaf-rules.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";
import { digestOf } from "./verify-package.ts";

/** Bundles that are asked for ahead of the one that is checked. */
const AHEAD = 16;

/** How an audit goes. */
export interface AuditOptions {
  readonly archives: boolean;
  readonly report: (progress: { readonly done: number; readonly total: number; readonly bytes: number }) => void;
}

export interface Audit {
  readonly origin: string | undefined;
  readonly size: number;
  /** Leaves that an earlier audit had checked. */
  readonly from: number;
  readonly checks: readonly Check[];
  readonly problems: readonly LeafProblem[];
}

interface Walk {
  readonly client: RegistryClient;
  readonly size: number;
  readonly options: AuditOptions;
  readonly state: AuditState;
  readonly problems: LeafProblem[];
}

/** Reads the whole log of a registry, or what is new in it, and checks all of it. Throws `RegistryFault`. */
export async function auditLog(client: RegistryClient, trust: Trust, options: AuditOptions): Promise<Audit> {
  const { checks, checkpoint, remember } = await checkCheckpoint(await client.text("/log/checkpoint"), trust);
  if (checkpoint === undefined) return { origin: undefined, size: 0, from: 0, checks, problems: [] };
  const { origin, size } = checkpoint;
  const stored = await trust.seenLogs.audit<Parameters<typeof stateOf>[0]>(origin);
  const before = stored === undefined ? undefined : stateOf(stored);
  const goesOn = before !== undefined && before.frontier.size <= size && (before.withArchives || !options.archives);
  const state = goesOn ? before : firstState(options.archives);
  const walk: Walk = { client, size, options, state, problems: [] };
  const frontier = await walkLeaves(walk);
  const all = [...checks, checkRoot(frontier, checkpoint)];
  if (isGood(all) && walk.problems.length === 0) {
    const withArchives = state.withArchives && (options.archives || state.frontier.size === size);
    await trust.seenLogs.saveAudit(origin, storedOf({ ...state, frontier, withArchives }));
    await remember();
  }
  return { origin, size, from: state.frontier.size, checks: all, problems: walk.problems };
}

function checkRoot(frontier: Frontier, { size, root }: Checkpoint): Check {
  if (frontier.size === size && rootOfFrontier(frontier).equals(root)) {
    return ok("root", `computed from ${size} leaves: ${root.toString("hex")}`);
  }
  const computed = `${frontier.size} leaves have the root ${rootOfFrontier(frontier).toString("hex")}`;
  return failed("root", "root_differs", `${computed}, the checkpoint says ${size} and ${root.toString("hex")}`);
}

async function walkLeaves(walk: Walk): Promise<Frontier> {
  const { size, state, problems, options } = walk;
  const upper = new Map<string, GrownTile>();
  let { frontier } = state;
  let bytes = 0;
  for await (const { index, bundle } of bundlesOf(walk)) {
    const width = widthIn(size, 0, index);
    const leaves = decodeBundle(bundle);
    if (leaves?.length !== width) {
      const detail = `entry bundle ${index} has not ${width} leaves`;
      problems.push({ code: "bundle_malformed", index: index * TILE_WIDTH, detail });
      break;
    }
    let lowest: GrownTile | undefined;
    for (const leaf of leaves.slice(frontier.size - index * TILE_WIDTH)) {
      await judge(walk, leaf, frontier.size);
      const next = grow(frontier, leaf);
      frontier = next.frontier;
      for (const tile of next.grown) {
        if (tile.level === 0) lowest = tile;
        else upper.set(`${tile.level}/${tile.index}`, tile);
      }
    }
    await compareTile(walk, lowest ?? { level: 0, index, hashes: frontier.edges[0] ?? [] });
    bytes += bundle.length;
    options.report({ done: frontier.size, total: size, bytes });
  }
  for (const tile of upper.values()) await compareTile(walk, tile);
  return frontier;
}

/** The bundles that have leaves to check, in their order, some of them asked for ahead. */
async function* bundlesOf({ client, size, state }: Walk) {
  const asked: Promise<Uint8Array>[] = [];
  const first = Math.floor(state.frontier.size / TILE_WIDTH);
  const end = state.frontier.size === size ? first : Math.ceil(size / TILE_WIDTH);
  for (let index = first, next = first; index < end; index += 1) {
    for (; next < end && next < index + AHEAD; next += 1) {
      const path = tilePath({ level: "entries", index: next, width: widthIn(size, 0, next) });
      const bundle = published(client, path);
      bundle.catch(() => undefined);
      asked.push(bundle);
    }
    const bundle = asked.shift();
    if (bundle !== undefined) yield { index, bundle: await bundle };
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

async function compareTile({ client, size, problems }: Walk, { level, index, hashes }: GrownTile): Promise<void> {
  const width = widthIn(size, level, index);
  const path = tilePath({ level, index, width });
  const told = await published(client, path);
  if (Buffer.concat(hashes).equals(told)) return;
  const at = index * TILE_WIDTH ** (level + 1);
  problems.push({ code: "tile_differs", index: at, detail: `${path} is not what its leaves make` });
}

async function judge(walk: Walk, bytes: Uint8Array, index: number): Promise<void> {
  const { leaf, problem } = await checkLeaf(bytes, index, walk.state.history);
  if (problem !== undefined) walk.problems.push(problem);
  if (!walk.options.archives || leaf?.kind !== "version") return;
  const wrong = await archiveProblem(walk.client, leaf, index);
  if (wrong !== undefined) walk.problems.push(wrong);
}

async function archiveProblem(client: RegistryClient, leaf: VersionEntry, index: number) {
  const named = `${leaf.name} ${leaf.version}`;
  const path = `/api/packages/${encodeURIComponent(leaf.name)}/${encodeURIComponent(leaf.version)}/download`;
  try {
    const archive = await client.bytes(path, leaf.size);
    const digest = digestOf(archive);
    if (digest === leaf.sha256) return undefined;
    const detail = `${named}: sha256 ${digest}, and the log has ${leaf.sha256}`;
    return { code: "archive_differs" as const, index, detail };
  } catch (cause) {
    if (!(cause instanceof RegistryFault)) throw cause;
    if (cause.tooLarge) return { code: "archive_differs" as const, index, detail: `${named}: ${cause.message}` };
    if (cause.status === undefined) throw cause;
    return { code: "archive_missing" as const, index, detail: `${named}: ${cause.message}` };
  }
}
