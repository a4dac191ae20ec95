import { foldName, type PackageName, parsePackageName } from "../../src/domain/package-name.ts";
import { type Random, randomFrom } from "../../test/support/random.ts";

/** Function words, the most frequent first. Package names do not use them. */
const GLUE = "for a and the to of with in your is on from by that an it as".split(" ");
/** Technical words, roughly from frequent to rare. */
const FIELD = `data tool library api client server web cloud kubernetes file python simple fast model container workflow
  image manager config service network test database build cli stream monitor cluster storage plugin parser agent
  engine pipeline queue cache proxy security token runner batch job node graph metric log index search event worker
  scheduler template package deploy docker helm chart operator control policy gateway ingress dns mesh certificate
  secret vault key auth session user account role access audit trace alert dashboard report query sql postgres mysql
  sqlite redis kafka rabbit mqtt grpc http rest json yaml csv parquet arrow tensor torch train inference embed vector
  language vision speech audio video camera sensor robot drone edge device firmware kernel driver gpu cuda simulation
  physics weather climate ocean satellite map geo route fleet energy grid battery solar wind power market price order
  payment invoice mail chat bot form site blog markdown wiki book calendar task note backup restore sync mirror copy
  archive compress crypto hash sign verify random math matrix stats plot color theme icon font layout widget
  table editor shell terminal prompt script macro compiler lexer syntax format lint debug profile bench mock fixture
  coverage release version semver git commit branch merge review board ticket notebook jupyter spark hadoop airflow
  flink beam dask ray slurm mpi hpc lustre ceph minio s3 nfs iscsi raid zfs btrfs ext4 boot init daemon systemd cron
  timer clock locale unicode regex string number date duration money unit convert transform filter reduce
  window join split sort rank score match fuzzy tree heap ring bloom sketch sample loader writer reader scanner crawler
  spider scraper feed rss atom podcast radio music game chess puzzle story quiz school course lesson health genome
  protein molecule chemistry crystal particle telescope galaxy asteroid bridge tunnel relay beacon anchor harbor forge
  foundry anvil hammer chisel lantern compass sextant rudder sail mast keel plank barrel crate pallet crane truck
  rail`.split(/\s+/);

const ONSETS = "b c d f g h j k l m n p r s t v w z br cr dr fl gl gr kl pl pr qu sk sl sp st str tr vr zh".split(" ");
const VOWELS = "a e i o u ai ea ee io oa ou".split(" ");
const CODAS = ["", "", "n", "r", "s", "l", "x", "nd", "rk", "st"];
/** Vocabularies grow with the square root of texts, or a little faster. */
const WORDS_PER_ROOT = 40;
const RARE_WORDS_MIN = 500;

const SEPARATORS = ["-", "-", "-", "-", "-", "-", "_", "."] as const;
const SUFFIXES = ["js", "py", "go", "rs", "sdk", "core", "utils", "kit", "lib", "ng", "x", "hub", "lab", "io"] as const;

/** The words of all texts of one registry. The same seed and size give the same words. */
export class Vocabulary {
  readonly #words: readonly string[];

  constructor(seed: number, packages: number) {
    const random = randomFrom(seed ^ 0x5bd1e995);
    const rare = Math.max(RARE_WORDS_MIN, Math.round(WORDS_PER_ROOT * Math.sqrt(packages)));
    const made = new Set<string>([...GLUE, ...FIELD]);
    while (made.size < GLUE.length + FIELD.length + rare) made.add(inventedWord(random));
    this.#words = [...made];
  }

  /**
   * Returns a word by Zipf's law: the first is in every second sentence, the last in hardly any.
   */
  word(random: Random): string {
    return this.#from(random, 0);
  }

  /** Returns a word that is no function word. */
  fieldWord(random: Random): string {
    return this.#from(random, GLUE.length);
  }

  /** Returns a text of `words` words. */
  text(random: Random, words: number): string {
    return Array.from({ length: words }, () => this.word(random)).join(" ");
  }

  #from(random: Random, first: number): string {
    return this.#words[first + zipf(random, this.#words.length - first)] ?? "data";
  }
}

function pick<T>(random: Random, choices: readonly [T, ...T[]] | readonly T[]): T | undefined {
  return choices[random(choices.length)];
}

function inventedWord(random: Random): string {
  const syllables = 2 + random(2);
  return (
    Array.from({ length: syllables }, () => `${pick(random, ONSETS)}${pick(random, VOWELS)}`).join("") +
    pick(random, CODAS)
  );
}

/** Returns a rank from 0 up to `below`, with a probability in proportion to 1/(rank + 1). */
export function zipf(random: Random, below: number): number {
  return Math.min(below - 1, Math.floor((below + 1) ** (random(1 << 30) / (1 << 30))) - 1);
}

/**
 * Returns a long-tailed whole number: mostly near `median`, sometimes ten times as much, never more
 * than `max`.
 */
export function heavyTailed(random: Random, median: number, max: number): number {
  const u = (1 + random(1 << 20)) / (1 << 20);
  return Math.min(max, Math.max(1, Math.round((median * 0.7) / u ** 0.6)));
}

/** Makes names as people choose them. No two differ only in their separators. */
export function makeNames(vocabulary: Vocabulary, seed: number, count: number): PackageName[] {
  const random = randomFrom(seed ^ 0x27d4eb2f);
  const taken = new Set<string>();
  const names: PackageName[] = [];
  while (names.length < count) {
    const name = parsePackageName(nameOf(vocabulary, random));
    if (name === undefined || taken.has(foldName(name))) continue;
    taken.add(foldName(name));
    names.push(name);
  }
  return names;
}

function nameOf(vocabulary: Vocabulary, random: Random): string {
  const separator = SEPARATORS[random(SEPARATORS.length)] ?? "-";
  const words = Array.from({ length: 1 + Math.min(random(4), 2) }, () => vocabulary.fieldWord(random));
  if (random(6) === 0) words.push(pick(random, SUFFIXES) ?? "kit");
  if (random(25) === 0) words.push(String(2 + random(9)));
  return words.join(random(8) === 0 ? "" : separator);
}
