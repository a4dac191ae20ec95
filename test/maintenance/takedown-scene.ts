import { expect } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import postgres from "postgres";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, sha256 } from "../support/client.ts";
import type { Place } from "../support/places.ts";
import type { TestRegistry } from "../support/registry.ts";
import { testS3 } from "../support/s3.ts";
import { waitUntil } from "../support/wait-until.ts";

/* What tests of `admin purge` share: packages that can be found in every file, and the search. */

/** A word that is nowhere else. */
export const MARKER = "qzxjvkwmarker";
export const BECAUSE = ["--reason", "secret", "--reference", "ticket 4711", "--yes"] as const;
export const KEY = makeKey();
/** Another process notices a takedown within a second. The rest is for a busy machine. */
const GONE_WITHIN_MS = 3_000;

/** An archive that has the marker in every part, uncompressed. */
export function marked(name: string, version: string): Uint8Array {
  const parts = {
    description: `The ${MARKER}description`,
    tags: [`${MARKER}tag`],
    maintainers: [{ name: `${MARKER}person` }],
    dependencies: [{ name: `${MARKER}dependency`, version: "^1.0.0" }],
    readme: `# ${MARKER}readme`,
    files: { "values.yaml": `${MARKER}values: 1\n`, [`templates/${MARKER}.json`]: `{"a": "${MARKER}file"}` },
  };
  return new Uint8Array(gzipSync(gunzipSync(makePackage({ name, version, ...parts })), { level: 0 }));
}

/** Publishes a version and returns the digest of its archive. */
export async function publish(by: Client, name: string, version: string, archive = makePackage({ name, version })) {
  const { status, text } = await by.publish(name, version, archive, KEY);
  if (status !== 201) throw new Error(`${name} ${version} was not published: ${status} ${text}`);
  return sha256(archive);
}

/**
 * Returns the files below a directory in which the marker is. Another process reads them: whoever
 * closes a file of SQLite loses the locks that this process has on it.
 */
function filesWithMarker(directory: string): string[] {
  const { stdout, exitCode } = Bun.spawnSync(["grep", "-rlaF", MARKER, directory]);
  if (exitCode === 2) throw new Error(`${directory} could not be searched`);
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

/** Returns the files of a Postgres database in which the marker is. Undefined for a server elsewhere. */
async function postgresFilesWithMarker(databaseUrl: string): Promise<string[] | undefined> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`CHECKPOINT`;
    const [server] = await sql<
      { directory: string; oid: number }[]
    >`SELECT current_setting('data_directory') AS directory,
      (SELECT oid FROM pg_database WHERE datname = current_database())::int AS oid`;
    const directory = join(server?.directory ?? "", "base", String(server?.oid));
    return statSync(directory, { throwIfNoEntry: false }) === undefined ? undefined : filesWithMarker(directory);
  } finally {
    await sql.end();
  }
}

/** Lets Postgres collect statistics, as it does by itself at any time: they hold values of columns. */
export async function collectStatistics({ databaseUrl }: Place): Promise<void> {
  if (databaseUrl === undefined) return;
  const sql = postgres(databaseUrl, { max: 1 });
  await sql`ANALYZE`.finally(() => sql.end());
}

/** Changes something in another database of the server, and ends that only after a while. */
export async function changeElsewhere({ databaseUrl }: Place, forMs: number): Promise<() => Promise<void>> {
  if (databaseUrl === undefined) return async () => undefined;
  const sql = postgres(databaseUrl.replace(/\/[^/]*$/, "/postgres"), { max: 1 });
  const begun = Promise.withResolvers<void>();
  const ended = sql.begin(async (transaction) => {
    await transaction`SELECT pg_current_xact_id()`;
    begun.resolve();
    await Bun.sleep(forMs);
  });
  await begun.promise;
  return async () => {
    await ended;
    await sql.end();
  };
}

async function objectsWithMarker(bucket: string): Promise<string[]> {
  const client = (await testS3()).client(bucket);
  const { contents = [] } = await client.list();
  const found: string[] = [];
  for (const { key } of contents) if ((await client.file(key).text()).includes(MARKER)) found.push(key);
  return found;
}

/** Every place in which the marker is. */
export async function traces({ dataDir, databaseUrl, bucket }: Place): Promise<string[]> {
  const rows = databaseUrl === undefined ? [] : ((await postgresFilesWithMarker(databaseUrl)) ?? []);
  const objects = bucket === undefined ? [] : await objectsWithMarker(bucket);
  return [...filesWithMarker(dataDir), ...rows, ...objects];
}

const CONTENTS = ["", "/download", "/files", "/files/colony.yaml", "/readme", "/manifest", "/values"] as const;

/** Waits until the server refuses a version, and expects it to refuse every part of it. */
export async function expectGone(registry: TestRegistry, path: string, reason: string) {
  const guest = new Client(registry.url);
  const isGone = async () => (await guest.get(`/api/packages/${path}`)).status === 451;
  await waitUntil(isGone, "the server follows", GONE_WITHIN_MS);
  for (const part of CONTENTS) {
    const answer = await guest.get(`/api/packages/${path}${part}`);
    expectProblem(answer, 451, "taken_down");
    expect(answer.body.detail).toContain(`(${reason})`);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  }
  expect((await fetch(`${registry.url}/packages/${path}`, { headers: { accept: "text/html" } })).status).toBe(451);
  expect((await guest.get(`/api/packages/${path}/proof`)).status).toBe(200);
}

/** Reads every part of a version, so that caches have it. */
export async function readEverything({ url }: TestRegistry, path: string): Promise<void> {
  const guest = new Client(url);
  for (const part of CONTENTS)
    expect([part, (await guest.get(`/api/packages/${path}${part}`)).status]).toEqual([part, 200]);
}

/** Expects an audit of log and archives to find no problem, and to say how many are withheld. */
export async function expectCleanAudit(place: Place, registry: TestRegistry, withheld: string) {
  const env = { HOME: place.dataDir };
  const audited = await place.runWith(env, "log", "audit", "--archives", "--registry", registry.url, "--json");
  expect(audited).toMatchObject({ exitCode: 0, stderr: "" });
  const { verified, problems, checks } = JSON.parse(audited.stdout);
  expect([verified, problems]).toEqual([true, []]);
  expect(JSON.stringify(checks)).toContain(withheld);
}
