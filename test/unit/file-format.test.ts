import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { UnreadableArchive } from "../../src/archive/archive-fault.ts";
import { fileFormat } from "../../src/archive/file-format.ts";
import { gunzipSingleMember } from "../../src/archive/gzip.ts";
import { TarWalker } from "../../src/archive/tar.ts";
import { bytesOf, chunked, concat, makeArchive, makeTar } from "../support/archive-maker.ts";

const PLAIN_TAR = makeTar({ "colony.yaml": "name: a\nversion: 1.0.0\n" });
const V7_TAR = makeTar([{ name: "colony.yaml", beforeChecksum: (header) => header.fill(0, 257, 265) }]);
const PAGE = bytesOf("<!DOCTYPE html>\n<html><title>404</title></html>");

/** Formats by what people upload, and the words that the message must have. */
const SENT: readonly (readonly [what: string, bytes: Uint8Array, words: string])[] = [
  ["a zip file", bytesOf("PK\x03\x04\x14\0"), "a zip file"],
  ["an empty zip file", bytesOf("PK\x05\x06"), "an empty zip file"],
  ["a zstd file", new Uint8Array(zstdCompressSync(PLAIN_TAR)), "compressed with zstd"],
  ["an xz file", new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), "compressed with xz"],
  ["a bzip2 file", bytesOf("BZh91AY"), "compressed with bzip2"],
  ["a plain tar", PLAIN_TAR, "a plain tar: compress it with gzip"],
  ["a plain tar of Unix V7", V7_TAR, "a plain tar"],
  ["an HTML page", PAGE, "an HTML page: a server answered"],
  ["an HTML page behind a byte order mark", bytesOf("\ufeff \n<html>"), "an HTML page"],
  ["a JSON document", bytesOf('{"error": "not found"}'), "a JSON document"],
  ["a manifest", bytesOf("name: ä\nversion: 1.0.0\n"), "a text file"],
  ["text in UTF-16", bytesOf(new Uint8Array([0xff, 0xfe, 0x1f, 0])), "text in UTF-16"],
  ["gzip that was read as text", bytesOf(new TextDecoder().decode(gzipSync("x"))), "gzip that a program read as text"],
  ["a cpio archive", bytesOf("0707010000"), "a cpio archive"],
  ["an old cpio archive", bytesOf(new Uint8Array([0xc7, 0x71, 0x01, 0x00])), "a cpio archive"],
  ["a Debian package", bytesOf("!<arch>\ndebian-binary   "), "an ar archive"],
  ["gzip in base64", bytesOf(Buffer.from(gzipSync("x")).toString("base64")), "base64"],
];

async function messageOf(upload: Uint8Array, chunkBytes: number): Promise<string> {
  try {
    for await (const _ of gunzipSingleMember(chunked(upload, chunkBytes)));
  } catch (error) {
    if (error instanceof UnreadableArchive && error.fault.code === "not_gzip") return error.message;
    throw error;
  }
  return "accepted";
}

/** Walks over what an archive compresses. Returns the message with which the walker stops. */
function tarMessageOf(content: Uint8Array): string {
  const tar = new TarWalker({ entry() {}, content() {}, entryEnd() {}, problem() {} });
  try {
    tar.push(content);
    tar.end();
  } catch (error) {
    if (error instanceof UnreadableArchive) return error.message;
    throw error;
  }
  return "accepted";
}

describe("an upload that is not gzip", () => {
  test.each(SENT)("%s is named in the message, however it is cut into chunks", async (_, bytes, words) => {
    for (const size of [1, 100, 65_536]) expect(await messageOf(bytes, size)).toContain(words);
  });

  test("random bytes are only called not compressed", async () => {
    const noise = new Uint8Array([0x9a, 0x01, 0xfe, 0x02, 0x00, 0xc3]);
    expect(fileFormat(noise)).toBeUndefined();
    expect(await messageOf(noise, 100)).toStartWith("the archive is not gzip-compressed: upload the .cpm file");
  });

  test("a megabyte of noise is read no further than a header", async () => {
    let readBytes = 0;
    async function* endless() {
      for (;;) {
        readBytes += 100;
        yield new Uint8Array(100).fill(0xfe);
      }
    }
    await expect(gunzipSingleMember(endless()).next()).rejects.toThrow("not gzip-compressed");
    expect(readBytes).toBeLessThan(1_000);
  });
});

describe("a gzip member that holds no tar", () => {
  test("a gzip inside a gzip is named, short or long", () => {
    const archive = makeArchive({ "colony.yaml": "name: a\n" });
    for (const inner of [archive, makeArchive({ x: bytesOf(crypto.getRandomValues(new Uint8Array(2_000))) })])
      expect(tarMessageOf(inner)).toContain("gzip-compressed twice");
  });

  test.each(SENT.filter(([what]) => !what.includes("tar") && !what.includes("base64")))(
    "%s inside is named",
    (_, bytes, words) => {
      const [word = ""] = words.split(":");
      expect(tarMessageOf(bytes)).toContain(`no tar, it is ${word}`);
    },
  );

  test("a damaged header names the entry before it", () => {
    const tar = concat([makeTar({ first: "x" }, { end: new Uint8Array(0) }), new Uint8Array(512).fill(1)]);
    expect(tarMessageOf(tar)).toBe(
      'the header after entry "first" has a wrong checksum: pack the archive again with cpm',
    );
  });
});
