import { randomFrom } from "../../test/support/random.ts";
import { zipf } from "../fill/vocabulary.ts";
import {
  askedSizes,
  type FilledKind,
  FilledRegistries,
  type FilledSize,
  KIND_NAMES,
  KINDS,
  SMALL,
  sizeName,
} from "./filled.ts";
import { draftsOf } from "./filling.ts";
import { latencyRow, percentile, timeOf } from "./latency.ts";
import { heading, progress, row } from "./measure.ts";
import { buildBinary } from "./registry.ts";

const SEED = 12;
const ROUNDS = 7;
const REQUESTS = 100;
const STARTS = 7;
const DEEP_PAGE = 5_000;
const DEPTH_GOAL = 3;
const METADATA_GOAL = 1.2;
const START_GOAL_MS = 250;
const SORTS = ["downloads", "updated", "name"] as const;

/** Lists page by page, metadata beside that of a small registry, and starts. Parts: sizes by their packages. */
export async function benchList(asked: readonly string[]): Promise<void> {
  buildBinary();
  const registries = new FilledRegistries();
  try {
    for (const size of askedSizes(asked)) {
      for (const kind of KINDS) {
        console.log(`\n${KIND_NAMES[kind]}, ${sizeName(size)}`);
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
    // The first may have filled it, and nothing is in the system's cache yet.
    if (round > 0) startMs.push(registry.startMs);
  }
  console.log(heading());
  console.log(row("start to first answer", startMs, "ms", `≤ ${START_GOAL_MS} ms`));
}

/** The first page and a deep one in turn; of a registry with fewer pages, its last. */
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
      console.log(latencyRow(`by ${sort}: page 1`, first));
      console.log(latencyRow(`by ${sort}: pages from ${deep}, by leaps`, far));
      const ratio = percentile(far, 50) / percentile(first, 50);
      console.log(row(`by ${sort}: deep to first`, [ratio], "×", `≤ ${DEPTH_GOAL} ×`, 2));
    }
  } finally {
    await registry.stop();
  }
}

/** Metadata by Zipf's law, of a registry of this size and of a small one that runs beside it, in turn. */
async function metadata(registries: FilledRegistries, kind: FilledKind, size: FilledSize): Promise<void> {
  const sides = [];
  for (const one of [size, SMALL]) {
    const { names } = draftsOf(one);
    sides.push({
      names,
      random: randomFrom(SEED),
      medians: [] as number[],
      registry: await registries.start(kind, one),
    });
  }
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      progress(`metadata: round ${round} of ${ROUNDS}`);
      for (const { names, random, medians, registry } of round % 2 === 0 ? sides : sides.toReversed()) {
        const samples: number[] = [];
        for (let at = 0; at < REQUESTS * 3; at += 1) {
          samples.push(await timeOf(`${registry.url}/api/packages/${names[zipf(random, names.length)]}`));
        }
        if (round > 0) medians.push(percentile(samples, 50));
      }
    }
    progress();
    const [large = [], small = []] = sides.map(({ medians }) => medians);
    console.log(row("metadata, by Zipf", large, "ms", "", 2));
    console.log(row(`metadata, by Zipf, ${SMALL.packages} packages`, small, "ms", "", 2));
    const ratio = large.map((ms, round) => ms / (small[round] ?? Number.NaN));
    console.log(row("metadata: to the small one", ratio, "×", `≤ ${METADATA_GOAL} ×`, 2));
  } finally {
    for (const { registry } of sides) await registry.stop();
  }
}
