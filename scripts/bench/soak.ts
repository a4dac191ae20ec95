import { join } from "node:path";
import { PROMOTION_THRESHOLD } from "../../src/http/response-cache.ts";
import { type Client, newAccount } from "../../test/support/client.ts";
import { type Random, randomFrom } from "../../test/support/random.ts";
import type { Drafts } from "../fill/drafts.ts";
import { zipf } from "../fill/vocabulary.ts";
import { downloadPath } from "./archives.ts";
import { documentPath } from "./documents.ts";
import { draftsOf, fill } from "./filling.ts";
import {
  heading,
  progress,
  report,
  residentFileMb,
  residentMb,
  residentPeakMb,
  type Sample,
  slopeOf,
} from "./measure.ts";
import { preparePublish, rateOf, send } from "./publishing.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";

const MINUTES = 30;
const SIZE = { packages: 5_000, versions: 25_000 };
const SAMPLE_MS = 1_000;
/**
 * Memory goes up and down with the collector, so the lowest value of a minute shows the real need.
 */
const LEAST_OF = 60;
const SHOWN_EVERY = 10;
const TICK_MS = 50;
/**
 * The share of the time for warming up, and the factor of its rate. Long-lived objects come to lie
 * in pages of their own only after an hour's worth of requests. Until then memory rises, which
 * looks like a leak.
 */
const WARM_UP = 1 / 3;
const WARM_UP_TIMES = 4;
const SLOPE_GOAL_MB_H = 1;
const PEAK_GOAL_MB = 300;
/** The most requests in flight. Others wait for the next tick. */
const IN_FLIGHT_MAX = 64;
const OWN_PACKAGES = 200;
/** The number of reads after which a document stays in memory. */
const READS_OF_EACH = PROMOTION_THRESHOLD + 4;
const READERS = 16;

/** The rate of each kind of request, per second. */
const RATES = { metadata: 150, "metadata, 304": 50, download: 60, search: 15, list: 5, publish: 4, yank: 1 } as const;
type Kind = keyof typeof RATES;
const KINDS = Object.keys(RATES) as Kind[];

/** A client that does everything people do, at a steady rate. */
class Visitor {
  readonly done: Record<Kind, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  readonly errors = new Map<string, number>();
  readonly #random: Random = randomFrom(1);
  readonly #etags = new Map<string, string>();
  readonly #published: string[] = [];
  #count = 0;
  #inFlight = 0;
  #late = 0;

  constructor(
    readonly client: Client,
    readonly drafts: Drafts,
  ) {}

  /** The requests that were dropped because too many were in flight. */
  get late(): number {
    return this.#late;
  }

  /**
   * Reads every document and archive, so that the caches are full. Zipf's law alone would fill them
   * over hours, which would look like a leak.
   */
  async readAll(): Promise<void> {
    const { names } = this.drafts;
    const documents = Array.from({ length: READS_OF_EACH }, () => names.map(documentPath)).flat();
    const archives = names.map((name, number) => this.#archivePath(name, number));
    const reads = [...documents, ...archives].map((path) => () => this.#read(path));
    await rateOf(READERS, Number.POSITIVE_INFINITY, reads);
  }

  /** Starts the requests that are due between two moments. */
  tick(fromMs: number, toMs: number): void {
    for (const kind of KINDS) {
      const due = (ms: number) => Math.floor((ms * RATES[kind]) / 1_000);
      for (let count = due(toMs) - due(fromMs); count > 0; count -= 1) this.#begin(kind);
    }
  }

  #begin(kind: Kind): void {
    if (this.#inFlight >= IN_FLIGHT_MAX) {
      this.#late += 1;
      return;
    }
    this.#inFlight += 1;
    this.#do(kind)
      .catch((error: unknown) => {
        const text = `${kind}: ${error instanceof Error ? error.message.slice(0, 200) : error}`;
        this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
      })
      .finally(() => {
        this.#inFlight -= 1;
        this.done[kind] += 1;
      });
  }

  #do(kind: Kind): Promise<unknown> {
    const { names } = this.drafts;
    const number = zipf(this.#random, names.length);
    const name = names[number] ?? "";
    if (kind === "metadata") return this.#read(documentPath(name), {}, name);
    if (kind === "metadata, 304")
      return this.#read(documentPath(name), { "if-none-match": this.#etags.get(name) ?? "" });
    if (kind === "download") return this.#read(this.#archivePath(name, number));
    if (kind === "search") return this.#read(`/api/packages?search=${this.#word(number)}`);
    if (kind === "list") return this.#read(`/api/packages?page=${1 + zipf(this.#random, names.length / 20)}`);
    if (kind === "publish") return this.#publish();
    return this.#yank();
  }

  #archivePath(name: string, number: number): string {
    const { plan } = this.drafts;
    return downloadPath(name, plan.versionText(plan.lastOf[number] ?? 0));
  }

  /** Returns a word of a package's description. */
  #word(number: number): string {
    const words = this.drafts.package(number).description.split(" ");
    return encodeURIComponent(words[this.#random(words.length)] ?? "data");
  }

  async #read(path: string, headers: Record<string, string> = {}, name?: string): Promise<void> {
    const response = await fetch(this.client.base + path, { headers });
    await response.arrayBuffer();
    if (response.status !== 200 && response.status !== 304) throw new Error(`answered ${response.status}`);
    if (name !== undefined) this.#etags.set(name, response.headers.get("etag") ?? "");
  }

  async #publish(): Promise<void> {
    const count = this.#count++;
    const [name, version] = [`soak-${count % OWN_PACKAGES}`, `1.${count}.0`];
    await send(await preparePublish(this.client, name, version));
    this.#published.push(`${documentPath(name)}/${version}`);
  }

  async #yank(): Promise<void> {
    const path = this.#published.shift();
    if (path === undefined) return;
    const { status } = await this.client.send("DELETE", path, { reason: "broken" });
    if (status !== 200) throw new Error(`answered ${status}`);
  }
}

/** Resident memory over time, and the part of it that is not mapped from files. */
interface Samples {
  readonly resident: Sample[];
  readonly own: Sample[];
}

async function visit(visitor: Visitor, { pid }: BenchRegistry, minutes: number): Promise<Samples> {
  const samples: Samples = { resident: [], own: [] };
  const startedMs = performance.now();
  const warmUpMs = WARM_UP * minutes * 60_000;
  const dueMs = (ms: number) => ms + (WARM_UP_TIMES - 1) * Math.min(ms, warmUpMs);
  let [tickedMs, sampledMs] = [0, 0];
  while (tickedMs < minutes * 60_000) {
    await Bun.sleep(TICK_MS);
    const nowMs = performance.now() - startedMs;
    visitor.tick(dueMs(tickedMs), dueMs(nowMs));
    tickedMs = nowMs;
    if (nowMs - sampledMs < SAMPLE_MS) continue;
    sampledMs = nowMs;
    const [mb, ofFilesMb] = [residentMb(pid), residentFileMb(pid)];
    if (mb === undefined || ofFilesMb === undefined) throw new Error("The registry is gone");
    const hours = nowMs / 3_600_000;
    samples.resident.push({ hours, mb });
    samples.own.push({ hours, mb: mb - ofFilesMb });
    if (samples.resident.length % SHOWN_EVERY !== 0) continue;
    const errors = [...visitor.errors.values()].reduce((sum, count) => sum + count, 0);
    progress(`${(nowMs / 60_000).toFixed(1)} of ${minutes} min: ${mb.toFixed(0)} MB, ${errors} errors`);
  }
  progress();
  return samples;
}

/** Returns the lowest sample of each minute. */
function leastOf(samples: readonly Sample[]): Sample[] {
  return Array.from({ length: Math.floor(samples.length / LEAST_OF) }, (_, minute) => {
    const ofMinute = samples.slice(minute * LEAST_OF, (minute + 1) * LEAST_OF);
    return ofMinute.reduce((least, sample) => (sample.mb < least.mb ? sample : least));
  });
}

function reportSlope(what: string, samples: readonly Sample[], goal: string): void {
  const { slope, error } = slopeOf(samples);
  const values = samples.map(({ mb }) => mb);
  report(what, values, "MB", "");
  report("  its slope", [slope], "MB/h", goal, 2);
  report("  standard error of the slope", [error], "MB/h", "", 2);
}

function reportVisit(visitor: Visitor, { pid }: BenchRegistry, { resident, own }: Samples, minutes: number): void {
  const counts = KINDS.map((kind) => `${visitor.done[kind]} × ${kind}`).join("; ");
  console.log(`${minutes} minutes: ${counts}; ${visitor.late} were left out as too many waited`);
  for (const [text, count] of visitor.errors) console.log(`  ${count} × ${text}`);
  const warm = (samples: readonly Sample[]) => samples.filter(({ hours }) => hours >= (WARM_UP * minutes) / 60);
  const goal = `< ${SLOPE_GOAL_MB_H} MB/h`;
  console.log(heading());
  reportSlope("resident memory after warming up", warm(resident), "");
  reportSlope("least of each minute", leastOf(warm(resident)), goal);
  reportSlope("least of each minute without pages of files", leastOf(warm(own)), goal);
  report("peak memory", [residentPeakMb(pid) ?? Number.NaN], "MB", `≤ ${PEAK_GOAL_MB} MB`);
}

/**
 * Runs everything at a steady rate for half an hour or for the given minutes. Reports memory growth
 * and failures.
 */
export async function benchSoak([asked = String(MINUTES)]: readonly string[]): Promise<void> {
  const minutes = Number(asked);
  if (!(minutes > 0)) throw new Error("Say for how many minutes: npm run bench -- soak 30");
  if (process.platform !== "linux") return console.log("Only Linux tells how much memory a process has.");
  buildBinary();
  await withDirectory(async (directory) => {
    const dataDir = join(directory, "data");
    await fill(dataDir, SIZE, "pool");
    const registry = await startBinary(dataDir, { LOG_LEVEL: "silent", PUBLISH_LIMITS: "off", REGISTRATION: "open" });
    try {
      const visitor = new Visitor(await newAccount(registry), draftsOf(SIZE));
      progress("Reading everything");
      await visitor.readAll();
      reportVisit(visitor, registry, await visit(visitor, registry, minutes), minutes);
    } finally {
      await registry.stop();
    }
  });
}
