import { randomFrom } from "../../test/support/random.ts";

/** A package has at most this many versions, because its page shows them all. */
const VERSIONS_MAX = 400;
const YANKED_ONE_IN = 60;
const PRERELEASE_ONE_IN = 14;
/** Every registry spans the same time, so that the same seed gives the same rows. */
const FIRST_MS = Date.UTC(2016, 0, 4, 8);
const LAST_MS = Date.UTC(2026, 9, 30, 18);
const HOUR_MS = 3_600_000;

const PRERELEASE = 1;
const YANKED = 2;

/**
 * The versions of a registry in the order of publishing. Packages and versions are numbered from 0.
 */
export interface Plan {
  readonly packages: number;
  readonly versions: number;
  /** By version: its package. */
  readonly packageOf: Int32Array;
  /** By version: its position among the versions of its package, from 1. */
  readonly nthOf: Int32Array;
  /** By package: the number of its versions. */
  readonly countOf: Int32Array;
  readonly firstOf: Int32Array;
  readonly lastOf: Int32Array;
  /** By package: its downloads, distributed by Zipf's law. */
  readonly downloadsOf: Float64Array;
  versionText(version: number): string;
  isPrerelease(version: number): boolean;
  publishedAt(version: number): Date;
  /** When the version was yanked. Null for most. */
  yankedAt(version: number): Date | null;
  /**
   * The version's share of its package's downloads. Newer versions have more; the shares add up to
   * the whole.
   */
  downloadsOfVersion(version: number): number;
}

/** A version's major, minor and patch numbers are packed into one whole number. */
const MAJOR = 2 ** 32;
const MINOR = 2 ** 16;

function requireRoom(packages: number, versions: number): void {
  const most = packages * VERSIONS_MAX;
  if (versions >= packages && versions <= most) return;
  throw new RangeError(
    `--versions must be from ${packages} to ${most} with --packages ${packages}: a package has at most ${VERSIONS_MAX} versions.`,
  );
}

/**
 * Plans a registry. Each publish makes a new package with probability N/M. Otherwise it adds to the
 * package of a version that is chosen among all (Simon's model). So many packages have one version,
 * and a few have very many.
 *
 * Throws `RangeError` if the packages cannot hold so many versions.
 */
export function planRegistry(seed: number, packages: number, versions: number): Plan {
  requireRoom(packages, versions);
  const packageOf = new Int32Array(versions);
  const nthOf = new Int32Array(versions);
  const countOf = new Int32Array(packages);
  const firstOf = new Int32Array(packages);
  const lastOf = new Int32Array(packages);
  const numbers = new Float64Array(versions);
  const flags = new Uint8Array(versions);
  const random = randomFrom(seed);
  let made = 0;
  for (let at = 0; at < versions; at += 1) {
    const mustMake = packages - made >= versions - at || at >= made * VERSIONS_MAX;
    const isNew = at === 0 || mustMake || (made < packages && random(versions) < packages);
    const owner = isNew ? made++ : continued(random, packageOf, countOf, at, made);
    if (isNew) firstOf[owner] = at;
    const before = isNew ? undefined : numbers[lastOf[owner] ?? 0];
    packageOf[at] = owner;
    nthOf[at] = countOf[owner] = (countOf[owner] ?? 0) + 1;
    numbers[at] = nextNumber(random(100), before);
    if (random(PRERELEASE_ONE_IN) === 0) flags[at] = PRERELEASE;
    if (random(YANKED_ONE_IN) === 0) flags[at] = (flags[at] ?? 0) | YANKED;
    lastOf[owner] = at;
  }
  const downloadsOf = zipfDownloads(seed, packages);
  const publishedMs = (at: number) => FIRST_MS + Math.floor(((at + 1) * (LAST_MS - FIRST_MS)) / (versions + 1));
  return {
    packages,
    versions,
    packageOf,
    nthOf,
    countOf,
    firstOf,
    lastOf,
    downloadsOf,
    versionText: (at) => textOf(numbers[at] ?? 0) + ((flags[at] ?? 0) & PRERELEASE ? "-rc.1" : ""),
    isPrerelease: (at) => ((flags[at] ?? 0) & PRERELEASE) !== 0,
    publishedAt: (at) => new Date(publishedMs(at)),
    yankedAt: (at) => ((flags[at] ?? 0) & YANKED ? new Date(publishedMs(at) + HOUR_MS) : null),
    downloadsOfVersion: (at) => {
      const owner = packageOf[at] ?? 0;
      const behind = (countOf[owner] ?? 1) - (nthOf[at] ?? 1);
      const upTo = (halvings: number) => Math.floor((downloadsOf[owner] ?? 0) / 2 ** halvings);
      return nthOf[at] === 1 ? upTo(behind) : upTo(behind) - upTo(behind + 1);
    },
  };
}

function continued(
  random: (below: number) => number,
  packageOf: Int32Array,
  countOf: Int32Array,
  at: number,
  made: number,
) {
  const popular = packageOf[random(at)] ?? 0;
  if ((countOf[popular] ?? 0) < VERSIONS_MAX) return popular;
  for (;;) {
    const any = random(made);
    if ((countOf[any] ?? 0) < VERSIONS_MAX) return any;
  }
}

function nextNumber(chance: number, before: number | undefined): number {
  if (before === undefined) return chance < 55 ? MINOR : MAJOR;
  if (chance < 64) return before + 1;
  if (chance < 94) return Math.floor(before / MINOR) * MINOR + MINOR;
  return Math.floor(before / MAJOR) * MAJOR + MAJOR;
}

function textOf(number: number): string {
  return `${Math.floor(number / MAJOR)}.${Math.floor(number / MINOR) % MINOR}.${number % MINOR}`;
}

/** Returns downloads by the rank of a package. The rank does not depend on the package's age. */
function zipfDownloads(seed: number, packages: number): Float64Array {
  const random = randomFrom(seed ^ 0x165667b1);
  const ranks = Int32Array.from({ length: packages }, (_, at) => at);
  for (let at = packages - 1; at > 0; at -= 1) {
    const other = random(at + 1);
    [ranks[at], ranks[other]] = [ranks[other] ?? 0, ranks[at] ?? 0];
  }
  return Float64Array.from(ranks, (rank) => Math.floor((20 * packages) / (rank + 1) ** 1.2));
}
