import { gzipSync } from "node:zlib";

const BLOCK = 512;
/** 2025-01-01T00:00:00Z. Archives made here are the same bytes on every run. */
const FIXED_MTIME_SECONDS = 1_735_689_600;

/**
 * One tar member, as freely stated as an attacker could. Only `name` is needed; all other fields
 * default to what Go's `archive/tar` writes. The checksum is right unless `afterChecksum` changes
 * the finished header.
 */
export interface RawEntry {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** The type flag: `0` file, `5` directory, `x` PAX header, `2` symbolic link, ... */
  readonly type?: string;
  /** The size in the header, if it is to differ from the content's. */
  readonly size?: number;
  readonly linkName?: string;
  readonly prefix?: string;
  readonly beforeChecksum?: (header: Uint8Array) => void;
  readonly afterChecksum?: (header: Uint8Array) => void;
}

export interface ArchiveOptions {
  /** The bytes after the last member. Default: two zero blocks. */
  readonly end?: Uint8Array;
  /** zlib level, 0 to 9. */
  readonly level?: number;
}

/**
 * What `makePackage` writes into `colony.yaml`. `manifest` replaces the whole text, and `files`
 * adds or replaces files.
 */
export interface PackageDraft {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly maintainers?: readonly { readonly name: string; readonly email?: string }[];
  readonly dependencies?: readonly { readonly name: string; readonly version: string }[];
  readonly publicKey?: string;
  readonly readme?: string;
  readonly manifest?: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

/** Encodes a text as UTF-8. Bytes are returned unchanged. */
export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Joins byte strings. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Yields bytes in chunks of `chunkBytes`, as a request body or a file stream does. */
export async function* chunked(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

function putOctal(header: Uint8Array, at: number, width: number, value: number): void {
  header.set(bytesOf(`${value.toString(8).padStart(width - 1, "0")}\0`), at);
}

/** One 512-byte ustar header with a right checksum. */
export function tarHeader(entry: RawEntry): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const type = entry.type ?? "0";
  header.set(bytesOf(entry.name).subarray(0, 100), 0);
  putOctal(header, 100, 8, type === "5" ? 0o755 : 0o644);
  putOctal(header, 108, 8, 0);
  putOctal(header, 116, 8, 0);
  putOctal(header, 124, 12, entry.size ?? bytesOf(entry.content ?? "").length);
  putOctal(header, 136, 12, FIXED_MTIME_SECONDS);
  header.set(bytesOf(type), 156);
  header.set(bytesOf(entry.linkName ?? ""), 157);
  header.set(bytesOf("ustar\x0000"), 257);
  header.set(bytesOf(entry.prefix ?? ""), 345);
  entry.beforeChecksum?.(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  entry.afterChecksum?.(header);
  return header;
}

/** A PAX extended header (`x`) that applies to the member after it; record lengths are computed. */
export function paxEntry(records: Readonly<Record<string, string>>): RawEntry {
  const lines = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return { name: "PaxHeaders.0/entry", type: "x", content: lines.join("") };
}

function paxRecord(key: string, value: string): string {
  const rest = bytesOf(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return `${length} ${key}=${value}\n`;
}

/** Makes an uncompressed tar of the members, in their order. */
export function makeTar(files: Files | readonly RawEntry[], options: ArchiveOptions = {}): Uint8Array {
  const entries = isEntries(files) ? files : Object.entries(files).map(([name, content]) => ({ name, content }));
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = bytesOf(entry.content ?? "");
    parts.push(tarHeader(entry), content, new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  parts.push(options.end ?? new Uint8Array(2 * BLOCK));
  return concat(parts);
}

function isEntries(files: Files | readonly RawEntry[]): files is readonly RawEntry[] {
  return Array.isArray(files);
}

/**
 * Makes a gzip-compressed tar, valid or not. Files by name (`{ "colony.yaml": "..." }`) make a
 * plain archive; members (`[{ name: "../x", content: "" }]`) control every header. Nothing is
 * checked and nothing is added.
 */
export function makeArchive(files: Files | readonly RawEntry[], options: ArchiveOptions = {}): Uint8Array {
  return new Uint8Array(gzipSync(makeTar(files, options), { level: options.level ?? 6 }));
}

/**
 * Makes the archive that the `cpm` client makes of these files: a `.` directory first, then names
 * in walking order, directories without a trailing slash and before their content.
 */
export function goStyleArchive(files: Files, options: ArchiveOptions = {}): Uint8Array {
  const entries = new Map<string, RawEntry>([[".", { name: ".", type: "5" }]]);
  for (const name of Object.keys(files).sort()) {
    const segments = name.split("/");
    for (let depth = 1; depth < segments.length; depth++) {
      const directory = segments.slice(0, depth).join("/");
      entries.set(directory, { name: directory, type: "5" });
    }
    entries.set(name, { name, content: files[name] ?? "" });
  }
  return makeArchive([...entries.values()], options);
}

/**
 * Makes the `colony.yaml` of a draft. Values are JSON strings, which are valid YAML, so any text
 * survives.
 */
export function manifestOf(draft: PackageDraft): string {
  const {
    name,
    version,
    description = "A package made for a test",
    tags,
    maintainers,
    dependencies,
    publicKey,
  } = draft;
  const fields = { name, version, description, tags, maintainers, dependencies, publicKey };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return ["apiVersion: v1", ...given.map(([key, value]) => `${key}: ${JSON.stringify(value)}`), ""].join("\n");
}

/**
 * Makes a valid package as the `cpm` client uploads it: manifest, README, values and one template.
 * The same draft gives the same bytes. Change `description` or `files` to get other bytes for the
 * same version.
 */
export function makePackage(draft: PackageDraft): Uint8Array {
  return goStyleArchive({
    "README.md": draft.readme ?? `# ${draft.name}\n`,
    "colony.yaml": draft.manifest ?? manifestOf(draft),
    "templates/workflow.json": '{ "name": "{{ .Values.name }}" }\n',
    "values.yaml": "name: test\n",
    ...draft.files,
  });
}
