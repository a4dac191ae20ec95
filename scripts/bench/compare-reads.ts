import { type Contender, compare, type Missing } from "./compare.ts";
import { peakMb, row } from "./measure.ts";
import type { Peer } from "./peers.ts";
import type { BenchRegistry } from "./registry.ts";
import { type Load, load } from "./wrk.ts";

const ROUNDS = 5;
const ROUND_S = 2;
const PEAK_GOAL_MB = 300;

const loaded = (what: Load) => () => load(what, ROUND_S);

/** A peer under a load, or that it is not there. */
export function peer(
  name: string,
  server: Pick<Peer, "url"> | undefined,
  goal: number | undefined,
  what: (url: string) => Load,
): Contender | Missing {
  if (server === undefined) return { name, missing: "it is not installed: npm run bench -- peers" };
  return { name, ...(goal === undefined ? {} : { goal }), once: loaded(what(server.url)) };
}

/** Measures the registry and its peers in turns, and how much memory the registry had meanwhile. */
export async function compareReads(
  what: string,
  { pid }: Pick<BenchRegistry, "pid">,
  ours: Load,
  peers: readonly (Contender | Missing)[],
): Promise<void> {
  const peaks: number[] = [];
  const once = async () => {
    if (process.platform !== "linux") return load(ours, ROUND_S);
    const { peak, result } = await peakMb(pid, loaded(ours));
    peaks.push(peak);
    return result;
  };
  await compare({ what, unit: "req/s", rounds: ROUNDS }, { name: "registry", once }, peers);
  if (peaks.length > 0) console.log(row("  peak memory of the registry", peaks, "MB", `≤ ${PEAK_GOAL_MB} MB`));
}
