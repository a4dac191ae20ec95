const DISTANCE_MAX = 2;

/**
 * Counts the insertions, deletions, replacements and swaps of neighbours that turn one text into
 * the other.
 */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let at = 1; at <= to.length; at += 1) {
      const isEqual = from[row - 1] === to[at - 1];
      let cost = Math.min((last[at] ?? 0) + 1, (current[at - 1] ?? 0) + 1, (last[at - 1] ?? 0) + (isEqual ? 0 : 1));
      const isSwap = row > 1 && at > 1 && from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[at - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

/**
 * Finds the name that was probably meant: at most two edits away, and at most half of the text.
 * Otherwise any name of two letters would resemble any other. Undefined if there is none.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  // Longer texts are no typing errors, and comparing them takes time.
  if (given.length > 64) return undefined;
  const letters = given.replace(/^-+/, "").length;
  const max = Math.min(DISTANCE_MAX, Math.floor(letters / 2));
  const ranked = names.map((name) => ({ name, distance: editDistance(given, name) }));
  const [best] = ranked.filter(({ distance }) => distance <= max).sort((a, b) => a.distance - b.distance);
  return best?.name;
}
