/**
 * A name as a hurried reader sees it: without separators, `rn` read as `m`, `1` and `i` as `l`, `0` as `o`, and without
 * the `s` of a plural. Names with one skeleton are easily taken for one another. drizzle/<database>/0003_trust.sql has the same rule
 * for packages that were there before it.
 */
export function skeletonOf(name: string): string {
  return name.replace(/[-_.]/g, "").replaceAll("rn", "m").replace(/[1i]/g, "l").replaceAll("0", "o").replace(/s+$/, "");
}
