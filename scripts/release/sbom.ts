/**
 * The bill of materials of a release: CycloneDX 1.6 in JSON, made of package-lock.json. It names
 * what the executable is made of: Bun, and the packages that the program's own dependencies need.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

interface PackageFile {
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
}

type Packages = Readonly<Record<string, LockedPackage | undefined>>;

/** What a bill is made for. */
export interface Release {
  readonly version: string;
  readonly commit: string;
  readonly time: Date;
}

const MODULES = "node_modules/";

/** Returns the bill of materials as JSON text. The same commit gives the same text. */
export function billOfMaterials(root: string, { version, commit, time }: Release): string {
  const { packages }: { packages: Packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const program = `pkg:generic/cpm-registry@${version}`;
  const paths = shippedPaths(packages);
  const libraries = [...paths.keys()].toSorted().map((path) => componentOf(root, packages, path));
  const bun = { ...componentOf(root, packages, `${MODULES}bun`), type: "framework" };
  const direct = directPaths(packages).map((path) => referenceOf(packages, path));
  const edges = [...paths].map(([path, needs]) => ({
    ref: referenceOf(packages, path),
    dependsOn: sorted(needs.map((need) => referenceOf(packages, need))),
  }));
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(`${program} ${commit}`),
    version: 1,
    metadata: {
      timestamp: time.toISOString(),
      component: {
        type: "application",
        "bom-ref": program,
        name: "cpm-registry",
        version,
        purl: program,
        properties: [{ name: "commit", value: commit }],
      },
    },
    components: uniqueBy([bun, ...libraries]),
    dependencies: [{ ref: program, dependsOn: sorted([bun["bom-ref"], ...direct]) }, ...uniqueEdges(edges)],
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}

function directPaths(packages: Packages): string[] {
  return Object.keys(packages[""]?.dependencies ?? {}).map((name) => `${MODULES}${name}`);
}

/** Every package that the program ships, by its path in the lock file, with what it needs. */
function shippedPaths(packages: Packages): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const open = directPaths(packages);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const locked = packages[path];
    if (locked === undefined || found.has(path)) continue;
    const needs = namesNeeded(locked).flatMap((name) => resolvePath(packages, path, name) ?? []);
    found.set(path, needs);
    open.push(...needs);
  }
  return found;
}

function namesNeeded({ dependencies, optionalDependencies, ...locked }: LockedPackage): string[] {
  const peers = Object.keys(locked.peerDependencies ?? {});
  const required = peers.filter((name) => locked.peerDependenciesMeta?.[name]?.optional !== true);
  const own = { ...dependencies, ...optionalDependencies };
  return [...Object.keys(own), ...required].filter((name) => name !== "typescript" && name !== "bun");
}

/** Finds a package as Node does: in the nearest `node_modules` on the way up. */
function resolvePath(packages: Packages, from: string, name: string): string | undefined {
  const parts = `${from}/`.split(MODULES);
  for (let depth = parts.length; depth > 0; depth -= 1) {
    const path = `${parts.slice(0, depth).join(MODULES)}${MODULES}${name}`;
    if (packages[path] !== undefined) return path;
  }
  return undefined;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(MODULES) + MODULES.length);
}

function referenceOf(packages: Packages, path: string): string {
  return `pkg:npm/${nameOf(path).replace(/^@/, "%40")}@${packages[path]?.version}`;
}

function componentOf(root: string, packages: Packages, path: string) {
  const purl = referenceOf(packages, path);
  const licence = licenceOf(root, path);
  const { version, integrity = "" } = packages[path] ?? { version: "" };
  const digest = /^sha512-(.+)$/.exec(integrity)?.[1];
  return {
    type: "library",
    "bom-ref": purl,
    name: nameOf(path),
    version,
    ...(digest === undefined
      ? {}
      : { hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] }),
    ...(licence === undefined ? {} : { licenses: [licence] }),
    purl,
  };
}

/** Reads the licence from the installed package, since the lock file lacks some. */
function licenceOf(root: string, path: string) {
  const file = join(root, path, "package.json");
  if (!existsSync(file)) return undefined;
  const { license, licenses }: PackageFile = JSON.parse(readFileSync(file, "utf8"));
  const text = license ?? licenses?.[0]?.type;
  if (text === undefined) return undefined;
  return /[ ()]/.test(text) ? { expression: text.replace(/^\((.*)\)$/, "$1") } : { license: { id: text } };
}

/** A UUID of version 8 (RFC 9562 §5.8) from a digest, since a random one would change with every run. */
function serialNumber(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `urn:uuid:${bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`;
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}

/** One version of a package may lie in two places. */
function uniqueBy<T extends { readonly "bom-ref": string }>(components: readonly T[]): T[] {
  return [...new Map(components.map((component) => [component["bom-ref"], component])).values()];
}

function uniqueEdges<T extends { readonly ref: string }>(edges: readonly T[]): T[] {
  const byRef = new Map(edges.map((edge) => [edge.ref, edge]));
  return [...byRef.values()].toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
}
