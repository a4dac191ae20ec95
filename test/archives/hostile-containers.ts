import { createHash } from "node:crypto";
import { crc32, gzipSync } from "node:zlib";
import type { ArchiveFaultCode } from "../../src/archive/archive-fault.ts";
import { bytesOf, concat, makeArchive, makeTar, type RawEntry } from "../support/archive-maker.ts";
import { type HostileCase, MANIFEST, type Rule, SOUND, soundAnd } from "./hostile-case.ts";

/* Groups 1 and 2 of the rules: the limits of an archive, and the gzip around it. */

const MIB = 1_024 * 1_024;

/** Bytes that deflate cannot compress, the same on every run. */
function incompressible(length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, n) => createHash("sha512").update(`${n}`).digest());
  return concat(blocks).subarray(0, length);
}

function manyFiles(count: number): RawEntry[] {
  return Array.from({ length: count }, (_, n) => ({ name: `templates/${n}` }));
}

/**
 * The sound package with other bytes at a position of its gzip member; a negative position counts
 * from the end.
 */
function patched(at: number, change: (byte: number) => number): () => Uint8Array {
  return () => {
    const archive = makeArchive(SOUND);
    const index = at < 0 ? archive.length + at : at;
    archive[index] = change(archive[index] ?? 0) & 0xff;
    return archive;
  };
}

/** The sound package with another gzip header before its deflate stream. */
function withGzipHeader(flags: number, ...fields: readonly Uint8Array[]): () => Uint8Array {
  return () => {
    const fixed = new Uint8Array([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]);
    return concat([fixed, ...fields, makeArchive(SOUND).subarray(10)]);
  };
}

function followedBy(bytes: Uint8Array): () => Uint8Array {
  return () => concat([makeArchive(SOUND), bytes]);
}

/** One tar in two gzip members: gunzip joins them. */
function inTwoMembers(): Uint8Array {
  const tar = makeTar(SOUND);
  return concat([tar.subarray(0, 1_024), tar.subarray(1_024)].map((half) => new Uint8Array(gzipSync(half))));
}

function withSize(size: (right: number) => number): () => Uint8Array {
  return () => {
    const archive = makeArchive(SOUND);
    const view = new DataView(archive.buffer);
    view.setUint32(archive.length - 4, size(view.getUint32(archive.length - 4, true)), true);
    return archive;
  };
}

function gzipCase(rule: Rule, what: string, code: ArchiveFaultCode, archive: () => Uint8Array): HostileCase {
  return { rule, what, code, archive };
}

export const LIMIT_CASES: readonly HostileCase[] = [
  gzipCase("1 compressed", "21 MiB of noise", "archive_too_large", () =>
    makeArchive(soundAnd({ name: "templates/noise", content: incompressible(21 * MIB) }), { level: 0 }),
  ),
  {
    ...gzipCase("1 compressed", "a byte above a lower limit", "archive_too_large", () => makeArchive(SOUND)),
    limits: { compressedMaxBytes: makeArchive(SOUND).length - 1 },
  },
  gzipCase("1 unpacked", "a bomb of 129 MiB", "unpacked_too_large", () =>
    makeArchive(soundAnd({ name: "bomb", content: new Uint8Array(129 * MIB) })),
  ),
  gzipCase("1 unpacked", "a bomb behind the end of the tar", "unpacked_too_large", () =>
    makeArchive(SOUND, { end: new Uint8Array(129 * MIB) }),
  ),
  {
    ...gzipCase("1 unpacked", "a byte above a lower limit", "unpacked_too_large", () => makeArchive(SOUND)),
    limits: { unpackedMaxBytes: makeTar(SOUND).length - 1 },
  },
  gzipCase("1 entries", "10,001 files", "too_many_entries", () => makeArchive(soundAnd(...manyFiles(9_998)))),
  {
    ...gzipCase("1 entries", "one above a lower limit", "too_many_entries", () => makeArchive(SOUND)),
    limits: { entriesMax: 2 },
  },
  gzipCase("1 manifest", "a long comment in it", "manifest_too_large", () =>
    makeArchive({ ...SOUND, "colony.yaml": `${MANIFEST}# ${"x".repeat(256 * 1_024)}\n` }),
  ),
  {
    ...gzipCase("1 manifest", "a byte above a lower limit", "manifest_too_large", () => makeArchive(SOUND)),
    limits: { manifestMaxBytes: MANIFEST.length - 1 },
  },
];

export const GZIP_CASES: readonly HostileCase[] = [
  gzipCase("2 gzip", "nothing", "archive_empty", () => new Uint8Array(0)),
  gzipCase("2 gzip", "a tar without gzip", "not_gzip", () => makeTar(SOUND)),
  gzipCase("2 gzip", "a zip", "not_gzip", () => bytesOf("PK\x03\x04\x14\0")),
  gzipCase(
    "2 gzip",
    "another compression method",
    "gzip_bad_header",
    patched(2, () => 7),
  ),
  gzipCase(
    "2 gzip",
    "a reserved flag",
    "gzip_bad_header",
    patched(3, () => 0x20),
  ),
  gzipCase("2 gzip", "a wrong header checksum", "gzip_bad_header", withGzipHeader(0x02, new Uint8Array([0x12, 0x34]))),
  gzipCase(
    "2 gzip",
    "a header that hides 8 KiB",
    "gzip_bad_header",
    withGzipHeader(0x04, new Uint8Array([0, 0x20]), new Uint8Array(8_192)),
  ),
  gzipCase(
    "2 gzip",
    "a file name that Go finds too long",
    "gzip_bad_header",
    withGzipHeader(0x08, bytesOf(`${"n".repeat(512)}\0`)),
  ),
  gzipCase("2 gzip", "its half", "gzip_truncated", () => makeArchive(SOUND).subarray(0, 100)),
  gzipCase("2 gzip", "all but its last byte", "gzip_truncated", () => makeArchive(SOUND).subarray(0, -1)),
  gzipCase("2 one member", "a second with another package", "gzip_trailing_data", () =>
    concat([makeArchive(SOUND), makeArchive({ "colony.yaml": "name: other\nversion: 9.9.9\n" })]),
  ),
  gzipCase("2 one member", "an empty second", "gzip_trailing_data", followedBy(new Uint8Array(gzipSync("")))),
  gzipCase("2 one member", "one tar in two", "gzip_trailing_data", inTwoMembers),
  gzipCase("2 trailing", "a zero byte", "gzip_trailing_data", followedBy(new Uint8Array(1))),
  gzipCase("2 trailing", "a block of zeros", "gzip_trailing_data", followedBy(new Uint8Array(512))),
  gzipCase("2 trailing", "a zip", "gzip_trailing_data", followedBy(bytesOf("PK\x05\x06"))),
  gzipCase(
    "2 crc",
    "one bit wrong",
    "gzip_corrupt",
    patched(-8, (byte) => byte ^ 1),
  ),
  gzipCase("2 crc", "of other content", "gzip_corrupt", () => {
    const archive = makeArchive(SOUND);
    new DataView(archive.buffer).setUint32(archive.length - 8, crc32("something else"), true);
    return archive;
  }),
  gzipCase(
    "2 size",
    "one too many",
    "gzip_corrupt",
    withSize((right) => right + 1),
  ),
  gzipCase(
    "2 size",
    "none",
    "gzip_corrupt",
    withSize(() => 0),
  ),
  gzipCase(
    "2 size",
    "right but for its highest bit",
    "gzip_corrupt",
    withSize((right) => right + 2 ** 31),
  ),
];
