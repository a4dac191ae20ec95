import { type Comparison, type Contender, compare, type Missing } from "./compare.ts";
import { peakMb, report } from "./measure.ts";
import type { Peer } from "./peers.ts";
import type { BenchRegistry } from "./registry.ts";
import { type Load, load } from "./wrk.ts";

const ROUNDS = 5;
const ROUND_S = 2;
export const NOT_INSTALLED = "it is not installed: npm run bench -- peers";
const PEAK_GOAL_MB = 300;

const loaded = (what: Load) => () => load(what, ROUND_S);

/** Returns a contender that loads a peer, or `Missing` where the peer is not installed. */
export function peer(
  name: string,
  server: Pick<Peer, "url"> | undefined,
  goal: number | undefined,
  what: (url: string) => Load,
): Contender | Missing {
  if (server === undefined) return { name, missing: NOT_INSTALLED };
  return { name, ...(goal === undefined ? {} : { goal }), once: loaded(what(server.url)) };
}

/** Measures the registry and its peers in turns, and the registry's peak memory meanwhile. */
export async function compareRegistry(
  comparison: Comparison,
  { name, pid, once }: Contender & Pick<BenchRegistry, "pid">,
  peers: readonly (Contender | Missing)[],
): Promise<void> {
  const peaks: number[] = [];
  const watched = async () => {
    if (process.platform !== "linux") return once();
    const { peak, result } = await peakMb(pid, once);
    peaks.push(peak);
    return result;
  };
  await compare(comparison, { name, once: watched }, peers);
  if (peaks.length > 0) report(`  peak memory of ${name}`, peaks, "MB", `≤ ${PEAK_GOAL_MB} MB`);
}

/** Like `compareRegistry`, for reads under a load of `wrk`. */
export function compareReads(
  what: string,
  { pid }: Pick<BenchRegistry, "pid">,
  ours: Load,
  peers: readonly (Contender | Missing)[],
): Promise<void> {
  return compareRegistry({ what, unit: "req/s", rounds: ROUNDS }, { name: "registry", pid, once: loaded(ours) }, peers);
}
