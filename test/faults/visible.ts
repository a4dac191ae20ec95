import { sha256 } from "../support/client.ts";
import { guestOf } from "./driver.ts";
import type { Attempt } from "./journal.ts";
import type { Rows, VersionRow } from "./rows.ts";

const PAGE_SIZE = 100;
const CONCURRENCY = 32;

/** Runs `work` on all items, many of them concurrently, and joins the findings. */
export async function collect<T>(
  items: readonly T[],
  work: (item: T) => Promise<readonly string[]>,
): Promise<string[]> {
  const found: string[] = [];
  const waiting = items.values();
  const workers = Array.from({ length: CONCURRENCY }, async () => {
    for (const item of waiting) found.push(...(await work(item)));
  });
  await Promise.all(workers);
  return found;
}

/**
 * Every existing version can be downloaded byte for byte, and every header has the digest of its
 * row.
 */
async function downloadFaults(url: string, { name, version, sha256: digest }: VersionRow): Promise<string[]> {
  const address = `/api/packages/${name}/${version}/download`;
  try {
    const response = await fetch(url + address);
    const bytes = await response.bytes();
    if (response.status !== 200) return [`GET ${address} got ${response.status}: ${Buffer.from(bytes)}`];
    const sent = {
      bytes: sha256(bytes),
      "x-checksum-sha256": response.headers.get("x-checksum-sha256"),
      etag: response.headers.get("etag")?.replaceAll('"', ""),
      "repr-digest": Buffer.from(
        /^sha-256=:(.*):$/.exec(response.headers.get("repr-digest") ?? "")?.[1] ?? "",
        "base64",
      ).toString("hex"),
    };
    return Object.entries(sent)
      .filter(([, value]) => value !== digest)
      .map(([what, value]) => `GET ${address}: ${what} is ${value} instead of ${digest}`);
  } catch (cause) {
    return [`GET ${address} failed: ${cause}`];
  }
}

async function absenceFaults(url: string, { name, version }: Pick<Attempt, "name" | "version">): Promise<string[]> {
  const addresses = ["", "/download", "/files"].map((part) => `/api/packages/${name}/${version}${part}`);
  const statuses = await Promise.all(addresses.map(async (address) => (await guestOf(url).get(address)).status));
  return statuses.flatMap((status, n) => (status === 404 ? [] : [`GET ${addresses[n]} got ${status} without a row`]));
}

/** Every attempted version is wholly visible if it has a row, and not at all if it has none. */
export function versionFaults(url: string, attempts: readonly Attempt[], rows: Rows): Promise<string[]> {
  const rowByKey = new Map(rows.versions.map((row) => [`${row.name}/${row.version}`, row]));
  const asked = new Map(attempts.map((attempt) => [`${attempt.name}/${attempt.version}`, attempt]));
  return collect([...asked], async ([key, attempt]) => {
    const row = rowByKey.get(key);
    if (row === undefined) return absenceFaults(url, attempt);
    const shown = await guestOf(url).get(`/api/packages/${key}`);
    const faults = await downloadFaults(url, row);
    if (shown.status === 200 && shown.body.sha256 === row.sha256) return faults;
    return [...faults, `GET /api/packages/${key} got ${shown.status}: ${shown.text.slice(0, 200)}`];
  });
}

/**
 * Every listed package can be read and has exactly the versions of its rows. Every package with a
 * row is listed.
 */
export async function packageFaults(url: string, rows: Rows): Promise<string[]> {
  const guest = guestOf(url);
  const listed: string[] = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const { status, body, text } = await guest.get(`/api/packages?sort=name&page=${page}&pageSize=${PAGE_SIZE}`);
    if (status !== 200) return [`GET /api/packages got ${status}: ${text}`];
    pages = body.totalPages;
    listed.push(...body.items.map((item: { name: string }) => item.name));
  }
  const versions = Map.groupBy(rows.versions, ({ name }) => name);
  const missing = [...versions.keys()].filter((name) => !listed.includes(name)).map((name) => `${name} is not listed`);
  const faults = await collect(listed, async (name) => {
    const { status, body, text } = await guest.get(`/api/packages/${name}`);
    if (status !== 200) return [`GET /api/packages/${name} got ${status}: ${text}`];
    const shown = body.versions.map((version: { version: string }) => version.version).sort();
    const held = (versions.get(name) ?? []).map(({ version }) => version).sort();
    return Bun.deepEquals(shown, held) ? [] : [`GET /api/packages/${name} shows ${shown}, and has ${held}`];
  });
  return [...missing, ...faults];
}
