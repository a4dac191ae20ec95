import { missingRow, progress, ratios, report } from "./measure.ts";

/** One of those that are measured in turns. */
export interface Contender {
  readonly name: string;
  /** Measures it once. */
  readonly once: () => Promise<number>;
  /** The least that the first contender may do for each that this one does. */
  readonly goal?: number;
}

/** A contender that is not here. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

/** What is compared, in the words of its rows. */
export interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly rounds: number;
}

/** Measures all in turns, each round in the other order, and prints what they did and the first one's ratio to each. */
export async function compare(
  { what, unit, rounds }: Comparison,
  first: Contender,
  others: readonly (Contender | Missing)[],
): Promise<void> {
  const present = others.filter((other): other is Contender => "once" in other);
  const sides = [first, ...present].map((contender) => ({ ...contender, rates: [] as number[] }));
  // The round before the first warms all of them.
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
