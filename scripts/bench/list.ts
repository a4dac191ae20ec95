import { randomFrom } from "../../test/support/random.ts";
import {
  askedRegistries,
  type FilledKind,
  FilledRegistries,
  type FilledSize,
  KIND_NAMES,
  SMALL,
  sizeName,
} from "./filled.ts";
import { draftsOf } from "./filling.ts";
import { percentile, reportLatency, timeOf } from "./latency.ts";
import { heading, progress, ratios, report, startSection } from "./measure.ts";
import { type BenchRegistry, buildBinary } from "./registry.ts";

const SEED = 12;
const ROUNDS = 7;
const REQUESTS = 100;
const STARTS = 7;
const DEEP_PAGE = 5_000;
const DEPTH_GOAL = 3;
const METADATA_GOAL = 1.2;
const START_GOAL_MS = 250;
const SORTS = ["downloads", "updated", "name"] as const;

/**
 * Measures starts, pages of lists, and metadata in comparison with a small registry. The parts are
 * sizes, named by their number of packages.
 */
export async function benchList(asked: readonly string[]): Promise<void> {
  buildBinary();
  const registries = new FilledRegistries();
  try {
    const { sizes, kinds } = askedRegistries(asked);
    for (const size of sizes) {
      for (const kind of kinds) {
        startSection(`${KIND_NAMES[kind]}, ${sizeName(size)}`);
        await starts(registries, kind, size);
        await depths(registries, kind, size);
        await metadata(registries, kind, size);
      }
    }
  } finally {
    await registries.stop();
  }
}

async function starts(registries: FilledRegistries, kind: FilledKind, size: FilledSize): Promise<void> {
  const startMs: number[] = [];
  for (let round = 0; round <= STARTS; round += 1) {
    const registry = await registries.start(kind, size);
    await registry.stop();
    // The first start may have filled the registry, with nothing in the page cache yet.
    if (round > 0) startMs.push(registry.startMs);
  }
  console.log(heading());
  report("start to first answer", startMs, "ms", `≤ ${START_GOAL_MS} ms`);
}

/**
 * Measures the first page and a deep one in turns. A registry with fewer pages uses its last ones.
 */
async function depths(registries: FilledRegistries, kind: FilledKind, size: FilledSize): Promise<void> {
  const registry = await registries.start(kind, size);
  const deep = Math.min(DEEP_PAGE, Math.floor(size.packages / 20) - 200);
  try {
    for (const sort of SORTS) {
      const address = (page: number) => `${registry.url}/api/packages?sort=${sort}&page=${page}`;
      const [first, far]: [number[], number[]] = [[], []];
      for (let at = 0; at < REQUESTS * 2; at += 1) {
        first.push(await timeOf(address(1)));
        far.push(await timeOf(address(deep + (at % 20))));
      }
      reportLatency(`by ${sort}: page 1`, first);
      reportLatency(`by ${sort}: pages from ${deep}, by leaps`, far);
      const ratio = percentile(far, 50) / percentile(first, 50);
      report(`by ${sort}: deep to first`, [ratio], "×", `≤ ${DEPTH_GOAL} ×`, 2);
    }
  } finally {
    await registry.stop();
  }
}

/** The number of names that are asked for in turns, few enough to stay in the response cache. */
const WARM_NAMES = 200;

/**
 * Measures metadata of a registry of this size and of a small one in turns, for cached names and
 * for new ones.
 */
async function metadata(registries: FilledRegistries, kind: FilledKind, size: FilledSize): Promise<void> {
  const sides: MetadataSide[] = [];
  for (const one of [size, SMALL]) {
    const names = shuffled(draftsOf(one).names);
    sides.push({ names, registry: await registries.start(kind, one), warm: [], first: [] });
  }
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      progress(`metadata: round ${round + 1} of ${ROUNDS}`);
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await metadataRound(side, round);
    }
    progress();
    const [large, small] = sides;
    if (large === undefined || small === undefined) return;
    for (const [what, of] of [
      ["warm", "warm"],
      ["asked for the first time", "first"],
    ] as const) {
      report(`metadata, ${what}`, large[of], "ms", "", 2);
      report(`metadata, ${what}, ${SMALL.packages} packages`, small[of], "ms", "", 2);
      report(`metadata, ${what}: to the small one`, ratios(large[of], small[of]), "×", `≤ ${METADATA_GOAL} ×`, 2);
    }
  } finally {
    for (const { registry } of sides) await registry.stop();
  }
}

interface MetadataSide {
  readonly names: readonly string[];
  readonly registry: BenchRegistry;
  /** The medians of all rounds. */
  readonly warm: number[];
  readonly first: number[];
}

async function metadataRound({ names, registry, warm, first }: MetadataSide, round: number): Promise<void> {
  const ask = (name: string | undefined) => timeOf(`${registry.url}/api/packages/${name}`);
  const samples: { warm: number[]; first: number[] } = { warm: [], first: [] };
  for (const name of names.slice(0, WARM_NAMES)) await ask(name);
  for (let at = 0; at < REQUESTS; at += 1) {
    samples.first.push(await ask(names[WARM_NAMES + round * REQUESTS + at]));
    for (let times = 0; times < 3; times += 1) samples.warm.push(await ask(names[(3 * at + times) % WARM_NAMES]));
  }
  warm.push(percentile(samples.warm, 50));
  first.push(percentile(samples.first, 50));
}

function shuffled(names: readonly string[]): string[] {
  const random = randomFrom(SEED);
  const mixed = [...names];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = random(at + 1);
    [mixed[at], mixed[other]] = [mixed[other] ?? "", mixed[at] ?? ""];
  }
  return mixed;
}
