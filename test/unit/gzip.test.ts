import { describe, expect, test } from "bun:test";
import { crc32, gzipSync } from "node:zlib";
import { UnreadableArchive } from "../../src/archive/archive-fault.ts";
import { gunzipSingleMember } from "../../src/archive/gzip.ts";
import { bytesOf, chunked, concat } from "../support/archive-maker.ts";

const CONTENT = bytesOf("hello gzip ".repeat(50));
const MEMBER = new Uint8Array(gzipSync(CONTENT));
const CHUNK_SIZES = [1, 2, 7, 8, 9, 64, 65_536];

async function unpack(bytes: Uint8Array, chunkBytes = 65_536, unpackedMaxBytes?: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of gunzipSingleMember(chunked(bytes, chunkBytes), unpackedMaxBytes)) parts.push(part);
  return concat(parts);
}

async function codeOf(unpacking: Promise<unknown>): Promise<string> {
  try {
    await unpacking;
  } catch (error) {
    if (error instanceof UnreadableArchive) return error.fault.code;
    throw error;
  }
  return "accepted";
}

/** A member whose header has every optional field; `flags` replaces the flag byte. */
function memberWithHeader(options: { flags?: number; method?: number; headerCrc?: number; nameBytes?: number } = {}) {
  const name = `${"n".repeat(options.nameBytes ?? 4)}\0`;
  const fixed = new Uint8Array([0x1f, 0x8b, options.method ?? 8, options.flags ?? 0x1f, 0, 0, 0, 0, 0, 3]);
  const head = concat([fixed, new Uint8Array([3, 0, 1, 2, 3]), bytesOf(name), bytesOf("comment\0")]);
  const sum = options.headerCrc ?? crc32(head) & 0xffff;
  return concat([head, new Uint8Array([sum & 0xff, sum >> 8]), MEMBER.subarray(10)]);
}

describe("gunzipSingleMember", () => {
  test("returns the content, however the bytes are cut into chunks", async () => {
    for (const size of CHUNK_SIZES) expect(await unpack(MEMBER, size)).toEqual(CONTENT);
  });

  test("reads a header with extra field, name, comment and header checksum", async () => {
    for (const size of CHUNK_SIZES) expect(await unpack(memberWithHeader(), size)).toEqual(CONTENT);
  });

  test("refuses a wrong header checksum", async () => {
    expect(await codeOf(unpack(memberWithHeader({ headerCrc: 1 })))).toBe("gzip_bad_header");
  });

  test("refuses reserved flags and methods other than deflate", async () => {
    expect(await codeOf(unpack(memberWithHeader({ flags: 0x3f })))).toBe("gzip_bad_header");
    expect(await codeOf(unpack(memberWithHeader({ method: 7 })))).toBe("gzip_bad_header");
  });

  test("refuses a header that does not end within its limit, however it is cut", async () => {
    const endless = memberWithHeader({ nameBytes: 10_000 });
    for (const size of [100, 65_536]) expect(await codeOf(unpack(endless, size))).toBe("gzip_bad_header");
  });

  test("distinguishes an empty upload, other formats and truncation", async () => {
    expect(await codeOf(unpack(new Uint8Array(0)))).toBe("archive_empty");
    expect(await codeOf(unpack(bytesOf("PK\x03\x04 a zip file")))).toBe("not_gzip");
    expect(await codeOf(unpack(bytesOf("P")))).toBe("not_gzip");
  });

  test("reports truncation at every possible length", async () => {
    for (let length = 1; length < MEMBER.length; length++) {
      expect(await codeOf(unpack(MEMBER.subarray(0, length)))).toBe("gzip_truncated");
    }
  });

  test("refuses a second member, which other readers would append or ignore", async () => {
    for (const size of CHUNK_SIZES)
      expect(await codeOf(unpack(concat([MEMBER, MEMBER]), size))).toBe("gzip_trailing_data");
  });

  test("says that a second member follows, or other bytes", async () => {
    await expect(unpack(concat([MEMBER, MEMBER]))).rejects.toThrow("a second gzip member follows");
    await expect(unpack(concat([MEMBER, new Uint8Array(512)]))).rejects.toThrow("bytes follow the end");
  });

  test("refuses any byte after the trailer, also a zero and in a chunk of its own", async () => {
    const padded = concat([MEMBER, new Uint8Array(1)]);
    for (const size of [...CHUNK_SIZES, MEMBER.length])
      expect(await codeOf(unpack(padded, size))).toBe("gzip_trailing_data");
  });

  test("refuses a wrong checksum and a wrong size in the trailer", async () => {
    for (const fromEnd of [8, 4]) {
      const changed = MEMBER.slice();
      const at = changed.length - fromEnd;
      changed[at] = (changed[at] ?? 0) ^ 1;
      for (const size of CHUNK_SIZES) expect(await codeOf(unpack(changed, size))).toBe("gzip_corrupt");
    }
  });

  test("refuses a deflate stream that is corrupt", async () => {
    const changed = MEMBER.slice();
    changed.fill(0xff, 10, 20);
    expect(await codeOf(unpack(changed))).toBe("gzip_corrupt");
  });

  test("accepts content of exactly the limit and refuses one byte more", async () => {
    expect((await unpack(MEMBER, 64, CONTENT.length)).length).toBe(CONTENT.length);
    expect(await codeOf(unpack(MEMBER, 64, CONTENT.length - 1))).toBe("unpacked_too_large");
  });

  test("stops a bomb at the limit instead of inflating all of it", async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024)));
    let yieldedBytes = 0;
    let readBytes = 0;
    async function* source() {
      for await (const chunk of chunked(bomb, 1_024)) {
        readBytes += chunk.length;
        yield chunk;
      }
    }
    const walk = async () => {
      for await (const chunk of gunzipSingleMember(source(), 1_000_000)) yieldedBytes += chunk.length;
    };
    expect(await codeOf(walk())).toBe("unpacked_too_large");
    expect(yieldedBytes).toBeLessThanOrEqual(1_000_000);
    expect(readBytes).toBeLessThan(bomb.length / 2);
  });

  test("closes its source when the reader stops early", async () => {
    let closed = false;
    async function* source() {
      try {
        yield* chunked(new Uint8Array(gzipSync(new Uint8Array(10_000_000))), 512);
      } finally {
        closed = true;
      }
    }
    for await (const _ of gunzipSingleMember(source())) break;
    expect(closed).toBe(true);
  });

  test("throws an error of its source unchanged", async () => {
    const broken = new Error("disk on fire");
    async function* source() {
      yield MEMBER.subarray(0, 20);
      throw broken;
    }
    const walk = async () => {
      for await (const _ of gunzipSingleMember(source()));
    };
    expect(walk()).rejects.toBe(broken);
  });
});
