import { randomFrom } from "../../test/support/random.ts";
import type { Drafts } from "../fill/drafts.ts";
import { askedRegistries, type FilledKind, FilledRegistries, type FilledSize, KIND_NAMES, sizeName } from "./filled.ts";
import { draftsOf } from "./filling.ts";
import { reportLatency, timeOf } from "./latency.ts";
import { progress, startSection } from "./measure.ts";
import { buildBinary } from "./registry.ts";

const SEED = 11;
const WARM_UP = 30;
const QUESTIONS = Number(process.env.CPM_BENCH_QUESTIONS ?? 300);
const COMMON = "data tool library api client server web cloud for and kubernetes file".split(" ");

const goalMs = (kind: FilledKind, { packages }: FilledSize) => (packages > 100_000 ? 50 : kind === "sqlite" ? 10 : 15);

/** Makes the nth question of a kind. Each is different. */
type Questions = (index: number) => string;

/** Returns the kinds of questions that people ask. */
export function kindsOf(drafts: Drafts): Readonly<Record<string, Questions>> {
  const random = randomFrom(SEED);
  const any = () => drafts.package(random(drafts.plan.packages));
  const common = (index: number) => COMMON[index % COMMON.length] ?? "data";
  const word = () => {
    const words = any().description.split(" ");
    return words[random(words.length)] ?? "data";
  };
  const rare = () =>
    any()
      .description.split(" ")
      .toSorted((a, b) => b.length - a.length)[0] ?? "data";
  const search = (text: string) => `search=${encodeURIComponent(text)}`;
  return {
    "common words": (index) => search(common(index)),
    "any words": () => search(word()),
    "rare words": () => search(rare()),
    prefixes: () => search(word().slice(0, 1 + random(4))),
    "two words": (index) => search(`${common(index)} ${word()}`),
    names: () => search(any().name),
    "typing errors": () => search(mistyped(any().name, random)),
    tags: () => `tags=${encodeURIComponent(any().tags[0] ?? "data")}`,
    "words and tags": (index) => `${search(word())}&tags=${common(index)}`,
    authors: () => `author=${drafts.account(any().owners[0]).username}`,
    "deep pages": (index) => `${search(common(index))}&page=${2 + random(49)}`,
    "other orders": (index) => `${search(common(index))}&sort=${["updated", "downloads", "name"][index % 3]}`,
    nothing: (index) => search(`qqxzjv${index} wwkq`),
  };
}

/** Swaps two letters of a name, as a typing error does. */
function mistyped(name: string, random: (below: number) => number): string {
  const at = random(Math.max(1, name.length - 2)) + 1;
  return name.slice(0, at) + (name[at + 1] ?? "x") + (name[at] ?? "") + name.slice(at + 2);
}

/**
 * Measures searches over HTTP, one after the other, in filled registries. The parts are sizes,
 * named by their number of packages.
 */
export async function benchSearch(asked: readonly string[]): Promise<void> {
  buildBinary();
  const registries = new FilledRegistries();
  try {
    const { sizes, kinds } = askedRegistries(asked);
    for (const size of sizes) {
      const drafts = draftsOf(size);
      for (const kind of kinds) {
        const registry = await registries.start(kind, size);
        try {
          startSection(`${KIND_NAMES[kind]}, ${sizeName(size)}`);
          await measure(registry.url, drafts, goalMs(kind, size));
        } finally {
          await registry.stop();
        }
      }
    }
  } finally {
    await registries.stop();
  }
}

async function measure(url: string, drafts: Drafts, goal: number): Promise<void> {
  const all: number[] = [];
  for (const [name, question] of Object.entries(kindsOf(drafts))) {
    progress(name);
    const samples: number[] = [];
    for (let index = 0; index < WARM_UP + QUESTIONS; index += 1) {
      const ms = await timeOf(`${url}/api/packages?${question(index)}`);
      if (index >= WARM_UP) samples.push(ms);
    }
    progress();
    reportLatency(name, samples);
    all.push(...samples);
  }
  reportLatency("all of them", all, goal);
}
