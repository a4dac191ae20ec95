import { type Blobs, readBlobs, readSettledBlobs } from "./blobs.ts";
import { type Publisher, publishIntent } from "./driver.ts";
import { type Attempt, isAcknowledged, isRefused, readJournals } from "./journal.ts";
import { logFaults } from "./log-check.ts";
import { type Rows, readRows, type VersionRow } from "./rows.ts";
import type { ServerProcess } from "./server.ts";
import { collect, packageFaults, versionFaults } from "./visible.ts";

/** The findings of a check: sentences about what does not hold, and how much was checked. */
export interface Verdict {
  readonly faults: readonly string[];
  readonly acknowledged: number;
  readonly unknown: number;
  readonly orphans: number;
}

export interface CheckOptions {
  readonly server: ServerProcess;
  /** The database's own URL, if the server connects through a proxy. */
  readonly databaseUrl?: string | undefined;
  readonly journals: string;
  /** Needed to repeat publishes without an answer. Without publishers these are not repeated. */
  readonly publishers?: readonly Publisher[];
  /** Only versions of names with this prefix are downloaded. Everything else is always checked. */
  readonly titled?: string;
  /** False if `gc` is not called, because there is no room for what it writes. */
  readonly collecting?: boolean;
  /**
   * True if the files must be those of a registry without a fault: none in incoming, and no
   * orphans.
   */
  readonly spotless?: boolean;
}

const keyOf = ({ name, version }: { name: string; version: string }) => `${name}/${version}`;

/**
 * Every row has its contents and its blob, whole and undamaged. No package is without versions, and
 * no contents are without a version.
 */
function rowFaults(rows: Rows, blobs: Blobs): string[] {
  const faults: string[] = rows.emptyPackages.map((name) => `package ${name} has no version`);
  if (rows.strayContents > 0) faults.push(`${rows.strayContents} contents belong to no version`);
  for (const row of rows.versions) {
    const size = blobs.sizes.get(row.sha256);
    if (!row.hasContents) faults.push(`${keyOf(row)} has no contents`);
    if (size === undefined) faults.push(`${keyOf(row)} has no blob`);
    else if (size !== row.size) faults.push(`${keyOf(row)} has a blob of ${size} bytes instead of ${row.size}`);
    else if (blobs.damaged.has(row.sha256)) faults.push(`${keyOf(row)} has a damaged blob`);
  }
  return faults;
}

/** Apart from referenced blobs, there are only undamaged orphans and files in incoming. */
function fileFaults(blobs: Blobs): string[] {
  return [
    ...blobs.foreign.map((file) => `${file} is none of the registry's files`),
    ...[...blobs.damaged].map((digest) => `the file sha256/${digest} has other bytes than its name says`),
  ];
}

/** Checks the row of one version against the answers to its publishes. */
function promiseFaults(key: string, attempts: readonly Attempt[], row: VersionRow | undefined): string[] {
  const faults: string[] = [];
  const acknowledged = new Set(attempts.filter(isAcknowledged).map(({ sha256 }) => sha256));
  if (acknowledged.size > 1) faults.push(`${key} was acknowledged with different bytes: ${[...acknowledged]}`);
  for (const sha256 of acknowledged) {
    if (row === undefined) faults.push(`${key} was acknowledged and is gone`);
    else if (row.sha256 !== sha256) faults.push(`${key} was acknowledged as ${sha256} and is ${row.sha256}`);
  }
  for (const { result, body } of attempts) {
    if (result === "stuck") faults.push(`a publish of ${key} got no answer in time`);
    if (typeof result !== "number" || [200, 201, 409, 503, 507].includes(result)) continue;
    faults.push(`a publish of ${key} got ${result}: ${body}`);
  }
  if (row === undefined) {
    // A 409 says that the version has other bytes. The server saw a row then, which must have been
    // durable.
    if (attempts.some(({ result }) => result === 409)) faults.push(`${key} was in somebody's way and is gone`);
    return faults;
  }
  const bearers = attempts.filter(({ sha256 }) => sha256 === row.sha256);
  if (bearers.length === 0) faults.push(`${key} has bytes that nobody published`);
  else if (bearers.every(isRefused)) faults.push(`${key} has bytes that were refused`);
  return faults;
}

function promisesFaults(attempts: readonly Attempt[], rows: Rows): string[] {
  const byKey = Map.groupBy(attempts, keyOf);
  const rowByKey = new Map(rows.versions.map((row) => [keyOf(row), row]));
  const faults = [...byKey].flatMap(([key, group]) => promiseFaults(key, group, rowByKey.get(key)));
  if (rowByKey.size !== rows.versions.length) faults.push("the database has a version twice");
  for (const key of rowByKey.keys()) if (!byKey.has(key)) faults.push(`${key} was never published`);
  return faults;
}

/** Returns the publishes without an answer, one for each version that does not have other bytes. */
function unanswered(attempts: readonly Attempt[], rows: Rows): Attempt[] {
  const taken = new Map(rows.versions.map((row) => [keyOf(row), row.sha256]));
  const open = attempts
    .filter((attempt) => !isAcknowledged(attempt) && !isRefused(attempt))
    .filter((attempt) => [undefined, attempt.sha256].includes(taken.get(keyOf(attempt))));
  return [...new Map(open.map((attempt) => [keyOf(attempt), attempt])).values()];
}

/**
 * A publish without an answer can be repeated: it answers 200 if the version is there, and 201 if
 * not.
 */
function retryFaults({ publishers = [] }: CheckOptions, attempts: readonly Attempt[], rows: Rows): Promise<string[]> {
  const present = new Set(rows.versions.map(keyOf));
  return collect(attempts, async (attempt) => {
    const publisher = publishers[attempt.publisher];
    if (publisher === undefined) return [];
    const expected = present.has(keyOf(attempt)) ? 200 : 201;
    const { result, body } = await publishIntent(publisher, attempt);
    return result === expected ? [] : [`publishing ${keyOf(attempt)} again got ${result}, not ${expected}: ${body}`];
  });
}

/** Calls `gc`: a fault may leave only files that it removes. */
async function collectedFaults(server: ServerProcess, databaseUrl: string | undefined): Promise<string[]> {
  const { exitCode, stdout, stderr } = await server.run("gc", "--grace", "0s", "--json");
  if (exitCode !== 0) return [`gc ended with ${exitCode}: ${stderr || stdout}`];
  const [rows, blobs] = [await readRows(server, databaseUrl), await readSettledBlobs(server.dataDir)];
  return [...rowFaults(rows, blobs), ...leftoverFaults(rows, blobs, "by gc")];
}

function leftoverFaults(rows: Rows, blobs: Blobs, when: string): string[] {
  const referenced = new Set(rows.versions.map(({ sha256 }) => sha256));
  return [
    ...blobs.incoming.map((file) => `${file} is left ${when}`),
    ...[...blobs.sizes.keys()].filter((digest) => !referenced.has(digest)).map((digest) => `${digest} is left ${when}`),
  ];
}

/**
 * Compares journals, API, database and blobs after a fault. The server runs again, and nobody
 * publishes. These must hold:
 *
 * - Every acknowledged version is there, unchanged and downloadable.
 * - Every other version is wholly there or wholly absent, and can be published again.
 * - There is one log, which has each version once and agrees with every proof.
 * - No version is visible without its blob.
 * - All other files are ones that `gc` removes.
 */
export async function check(options: CheckOptions): Promise<Verdict> {
  const {
    server,
    journals,
    databaseUrl = server.databaseUrl,
    titled = "",
    spotless = false,
    collecting = true,
  } = options;
  const attempts = readJournals(journals);
  const [rows, blobs] = [
    await readRows(server, databaseUrl),
    await (spotless ? readSettledBlobs : readBlobs)(server.dataDir),
  ];
  const faults = [...rowFaults(rows, blobs), ...fileFaults(blobs), ...promisesFaults(attempts, rows)];
  const asked = attempts.filter(({ name }) => name.startsWith(titled));
  faults.push(...(await versionFaults(server.url, asked, rows)), ...(await packageFaults(server.url, rows)));
  faults.push(...(await logFaults(server, rows, attempts)));
  if (spotless) faults.push(...leftoverFaults(rows, blobs, "where nothing may be left"));
  // One half finds the blobs that the fault left, the other half finds that gc has removed them.
  const open = unanswered(asked, rows);
  faults.push(...(await retryFaults(options, open.slice(open.length >> 1), rows)));
  if (collecting) faults.push(...(await collectedFaults(server, databaseUrl)));
  faults.push(...(await retryFaults(options, open.slice(0, open.length >> 1), rows)));
  const referenced = new Set(rows.versions.map(({ sha256 }) => sha256));
  return {
    faults: [...new Set(faults)],
    acknowledged: attempts.filter(isAcknowledged).length,
    unknown: attempts.filter((attempt) => !isAcknowledged(attempt) && !isRefused(attempt)).length,
    orphans: [...blobs.sizes.keys()].filter((digest) => !referenced.has(digest)).length + blobs.incoming.length,
  };
}
