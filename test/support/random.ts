/** Returns a whole number from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** Mulberry32: small, with a seed, and good enough to choose mutations. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

/** Returns one element of a list that is not empty. */
export function oneOf<const T extends readonly [unknown, ...unknown[]]>(random: Random, choices: T): T[number] {
  return choices[random(choices.length)] ?? choices[0];
}
