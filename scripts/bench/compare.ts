import { missingRow, progress, ratios, report } from "./measure.ts";

/** One of the servers that are measured in turns. */
export interface Contender {
  readonly name: string;
  /** Returns the rate of one round. */
  readonly once: () => Promise<number>;
  /** The smallest ratio of the first contender to this one that meets the goal. */
  readonly goal?: number;
}

/** A contender that is not installed. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

/** The texts and the number of rounds of a comparison. */
export interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly rounds: number;
}

/**
 * Measures all contenders in turns, each round in the opposite order. Reports their rates and the
 * first one's ratio to each.
 */
export async function compare(
  { what, unit, rounds }: Comparison,
  first: Contender,
  others: readonly (Contender | Missing)[],
): Promise<void> {
  const present = others.filter((other): other is Contender => "once" in other);
  const sides = [first, ...present].map((contender) => ({ ...contender, rates: [] as number[] }));
  // Round 0 warms up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides.toReversed() : sides) {
      progress(`${what}, ${side.name}: round ${round} of ${rounds}`);
      const rate = await side.once();
      if (round > 0) side.rates.push(rate);
    }
  }
  progress();
  const [ours, ...theirs] = sides;
  if (ours === undefined) return;
  report(`${what}, ${ours.name}`, ours.rates, unit, "");
  for (const { name, rates, goal } of theirs) {
    report(`${what}, ${name}`, rates, unit, "");
    const wanted = goal === undefined ? "" : `≥ ${goal} ×`;
    report(`  ${ours.name} to ${name}`, ratios(ours.rates, rates), "×", wanted, 2);
  }
  for (const other of others) if ("missing" in other) console.log(missingRow(`${what}, ${other.name}`, other.missing));
}
