import { type Pump, pumpedText } from "./pumps.ts";

/**
 * Something that reads bytes from outside, and the pieces from which hostile texts for it are made.
 */
export interface Scanner {
  readonly name: string;
  /** What it searches for, and what is nearly that. */
  readonly tokens: readonly [string, ...string[]];
  /** The longest text that its caller lets through. */
  readonly maxBytes: number;
  /** The time for a byte that a busy machine may take. */
  readonly nsPerByteMax: number;
  /** Prepares a text. The returned function scans it, and may refuse it with any error. */
  load(text: string): () => unknown;
}

interface Measured {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * The lengths of the texts. Short ones grow slowly, so that exponential time is noticed before it
 * takes for ever. Long ones are each four times as long as the one before.
 */
const LENGTHS = [16, 24, 36, 54, 81, 121, 182, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576] as const;
/** How much more time a byte may take in the next longer text. In quadratic time it is 4. */
const GROWTH_MAX = 2;
/**
 * Less says nothing about growth: caches, and what the collector does with large texts, cost as
 * much.
 */
const GROWTH_MIN_MS = 1;
const GROWTH_MIN_NS_PER_BYTE = 30;
/** What a call costs whatever its text. */
const CALL_NS = 1_000_000;
/** How often a machine may be busy in the wrong moment. */
const REPEATS = 15;
/** A shorter time is sometimes measured whole, however busy the machine is. */
const INTERRUPTED_MS = 3;
/** Nobody waits for this several times. */
const HOPELESS_MS = 2_000;

const nsPerByte = ({ ms, bytes }: Measured) => (ms * 1e6) / bytes;

async function elapsedMs(scan: () => unknown): Promise<number> {
  const startedMs = performance.now();
  try {
    await scan();
  } catch (cause) {
    if (cause instanceof RangeError && cause.message.includes("call stack")) throw cause;
  }
  return performance.now() - startedMs;
}

async function measure({ load }: Scanner, pump: Pump, bytes: number): Promise<Measured> {
  const text = pumpedText(pump, bytes);
  return { bytes: Buffer.byteLength(text), ms: await elapsedMs(load(text)) };
}

function faultOf({ nsPerByteMax }: Scanner, longer: Measured, shorter: Measured | undefined): string | undefined {
  const shown = (one: Measured) => `${one.ms.toFixed(2)} ms for ${one.bytes} bytes`;
  if (longer.ms * 1e6 > CALL_NS + nsPerByteMax * longer.bytes) {
    return `takes ${shown(longer)}, more than ${nsPerByteMax} ns a byte`;
  }
  if (shorter === undefined || longer.ms < GROWTH_MIN_MS || nsPerByte(longer) < GROWTH_MIN_NS_PER_BYTE)
    return undefined;
  if (nsPerByte(longer) <= GROWTH_MAX * nsPerByte(shorter)) return undefined;
  return `takes ${shown(shorter)}, and ${shown(longer)}`;
}

/**
 * Measures a length again, alone, until it has no fault. Returns the fault of the shortest time. On
 * a busy machine every long time is interrupted, so there the mean CPU time decides.
 */
async function confirmed(scanner: Scanner, pump: Pump, at: number): Promise<string | undefined> {
  const lengths = [LENGTHS[at - 1] ?? 0, LENGTHS[at] ?? 0] as const;
  let [shorter, longer] = [await measure(scanner, pump, lengths[0]), await measure(scanner, pump, lengths[1])];
  let fault: string | undefined;
  for (let repeats = 0; repeats < REPEATS; repeats += 1) {
    fault = faultOf(scanner, longer, shorter);
    if (fault === undefined) return undefined;
    if (repeats % 5 === 4) Bun.gc(true);
    shorter = faster(shorter, await measure(scanner, pump, lengths[0]));
    longer = faster(longer, await measure(scanner, pump, lengths[1]));
  }
  if (longer.ms < INTERRUPTED_MS) return fault;
  const mean = await meanCpu(scanner, pump, lengths[1], REPEATS);
  return faultOf(scanner, mean, await meanCpu(scanner, pump, lengths[0], 4 * REPEATS));
}

/** The clock of CPU time is too coarse for one scan. */
async function meanCpu({ load }: Scanner, pump: Pump, bytes: number, repeats: number): Promise<Measured> {
  const text = pumpedText(pump, bytes);
  const scan = load(text);
  const before = process.threadCpuUsage();
  for (let at = 0; at < repeats; at += 1) await elapsedMs(scan);
  const { user, system } = process.threadCpuUsage();
  return { bytes: Buffer.byteLength(text), ms: (user + system - before.user - before.system) / 1_000 / repeats };
}

function faster(one: Measured, other: Measured): Measured {
  return nsPerByte(other) < nsPerByte(one) ? other : one;
}

/**
 * Scans longer and longer texts of one pump. Returns a sentence when time grows faster than the
 * text or exceeds the scanner's bound. A measurement that seems to is repeated alone, and the
 * shortest times count, because a pause of the machine lengthens a time but never shortens it.
 */
export async function slownessOf(scanner: Scanner, pump: Pump, longestBytes: number): Promise<string | undefined> {
  let fastest: Measured | undefined;
  for (const [at, bytes] of LENGTHS.entries()) {
    if (bytes > Math.min(longestBytes, scanner.maxBytes)) break;
    const measured = await measure(scanner, pump, bytes);
    const suspected = faultOf(scanner, measured, fastest);
    const fault = suspected && measured.ms < HOPELESS_MS ? await confirmed(scanner, pump, at) : suspected;
    if (fault !== undefined) return `${scanner.name} ${fault}: ${JSON.stringify(pump)}`;
    fastest = fastest === undefined ? measured : faster(fastest, measured);
  }
  return undefined;
}
