import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Client } from "./client.ts";

/* Every answer that a registry gives to GET, to compare two registries that must be equal. */

const DESCRIPTION: { paths: Record<string, { get?: object }> } = JSON.parse(
  readFileSync(resolve(import.meta.dir, "../golden/openapi.json"), "utf8"),
);

/** They speak of the process, its time or its place, or of a session that is in one place only. */
const OF_THE_PROCESS = /^\/(health|metrics)|^\/api\/auth\//;

const HEADERS = ["etag", "content-type", "content-disposition", "cache-control", "link", "last-modified"];

/** One answer, without what differs between two equal requests. */
export interface SeenAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function answerTo(client: Client, path: string): Promise<SeenAnswer> {
  const { status, text, headers } = await client.get(path);
  const shown = HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  // A problem has the id of its request.
  const isProblem = status >= 400;
  return {
    status,
    text: isProblem ? text.replace(/"requestId":"[^"]*"/, "") : text,
    headers: Object.fromEntries(shown),
  };
}

const SEARCHES = ["", "?sort=name", "?sort=downloads", "?sort=updated&pageSize=2", "?search=package", "?tag=tag-1"];

/** Makes the addresses of one described path, for every package, version and file. */
function addressesOf(path: string, packages: readonly PackageFiles[], tiles: readonly string[]): string[] {
  if (path === "/api/packages") return SEARCHES.map((query) => path + query);
  if (path === "/log/tile/{tile}") return tiles.map((tile) => `/log/tile/${tile}`);
  if (path === "/api/log/consistency") return ["/api/log/consistency?from=1"];
  if (!path.includes("{name}")) return [path];
  return packages.flatMap(({ name, versions }) => {
    const named = path.replace("{name}", name);
    if (!named.includes("{version}")) return [named];
    return versions.flatMap(({ version, files }) => {
      const one = named.replace("{version}", encodeURIComponent(version));
      return one.includes("{path}") ? files.map((file) => one.replace("{path}", file)) : [one];
    });
  });
}

interface PackageFiles {
  readonly name: string;
  readonly versions: readonly { readonly version: string; readonly files: readonly string[] }[];
}

async function packagesOf(client: Client, names: readonly string[]): Promise<PackageFiles[]> {
  const found: PackageFiles[] = [];
  for (const name of names) {
    const { body } = await client.get(`/api/packages/${name}`);
    const versions: { version: string; files: string[] }[] = [];
    for (const { version } of body?.versions ?? []) {
      const listed = await client.get(`/api/packages/${name}/${encodeURIComponent(version)}/files`);
      versions.push({ version, files: (listed.body?.items ?? []).map(({ path }: { path: string }) => path) });
    }
    found.push({ name, versions });
  }
  return found;
}

/**
 * Asks for everything that the API describes: lists, searches, every package and version with all
 * their parts, the log. `client` must be an administrator, who may see events.
 */
export async function everyAnswer(client: Client, names: readonly string[]): Promise<Map<string, SeenAnswer>> {
  const packages = await packagesOf(client, names);
  const size = Number((await client.get("/log/checkpoint")).text.split("\n")[1]);
  const tiles = [`0/000.p/${size % 256}`, `entries/000.p/${size % 256}`];
  const paths = Object.entries(DESCRIPTION.paths).filter(([path, { get }]) => get && !OF_THE_PROCESS.test(path));
  const addresses = paths.flatMap(([path]) => addressesOf(path, packages, tiles));
  const answers = new Map<string, SeenAnswer>();
  for (const address of addresses) answers.set(address, await answerTo(client, address));
  return answers;
}
