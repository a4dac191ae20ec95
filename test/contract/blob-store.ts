import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { discardFile } from "../../src/blobs/incoming.ts";
import { receiveFile } from "../../src/blobs/receive.ts";
import { type BlobStore, type ReceivedFile, VERIFIED_MAX_BYTES } from "../../src/blobs/store.ts";
import { parseDigest, type Sha256Digest } from "../../src/domain/digest.ts";
import { Failure } from "../../src/errors.ts";
import { sha256 } from "../support/client.ts";

/** A store under test, and access to its content that bypasses it. */
export interface OpenedStore {
  readonly store: BlobStore;
  /** Writes other bytes under a digest without going through the store. */
  damage(digest: Sha256Digest, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const LARGE = VERIFIED_MAX_BYTES * 5;
/** More than a store keeps in memory. */
const UNCACHED = VERIFIED_MAX_BYTES * 20;

function digestFor(bytes: Uint8Array): Sha256Digest {
  const digest = parseDigest(sha256(bytes));
  if (digest === undefined) throw new Error("not a digest");
  return digest;
}

async function bytesOf(body: Blob | Uint8Array | undefined): Promise<Uint8Array | undefined> {
  return body instanceof Blob ? new Uint8Array(await body.arrayBuffer()) : body;
}

/** Returns the code of the failure that `work` throws, or its result if it throws none. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (cause) {
    return cause instanceof Failure ? cause.error.code : cause;
  }
}

/** Tests a store against every promise of `src/blobs/store.ts`. */
export function describeBlobStore(title: string, open: () => Promise<OpenedStore>): void {
  describe(`the blob store: ${title}`, () => {
    let opened: OpenedStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => opened?.close());
    const store = () => opened.store;

    const receive = (bytes: Uint8Array): Promise<ReceivedFile> =>
      receiveFile(new Blob([new Uint8Array(bytes)]).stream(), store().incomingDir, bytes.length);

    /** Puts bytes as a publish does, and removes the received file. */
    const put = async (bytes: Uint8Array) => {
      const received = await receive(bytes);
      try {
        await store().put(received);
      } finally {
        await discardFile(received.path);
      }
      return { digest: received.digest, size: bytes.length };
    };
    const read = async (blob: { digest: Sha256Digest; size: number }, first?: number, last?: number) =>
      bytesOf(await store().read(blob, first === undefined || last === undefined ? undefined : { first, last }));

    for (const size of [1, 1_000, VERIFIED_MAX_BYTES, VERIFIED_MAX_BYTES + 1, LARGE, UNCACHED]) {
      test(`a blob store returns the ${size} bytes that were put, whole and in ranges`, async () => {
        const bytes = randomBytes(size);
        const blob = await put(bytes);
        expect(sha256((await read(blob)) ?? new Uint8Array())).toBe(blob.digest);
        const ends = new Set([0, size - 1, Math.floor(size / 2), Math.min(size - 1, VERIFIED_MAX_BYTES)]);
        for (const first of ends) {
          for (const last of ends) {
            if (last < first) continue;
            const part = await read(blob, first, last);
            expect([first, last, Buffer.from(part ?? []).equals(bytes.subarray(first, last + 1))]).toEqual([
              first,
              last,
              true,
            ]);
          }
        }
      });
    }

    test("a blob store knows the size of a blob and the time of its put", async () => {
      const beforeMs = Date.now();
      const { digest } = await put(randomBytes(1_234));
      const found = await store().stat(digest);
      expect(found?.size).toBe(1_234);
      // Clocks of storages may have whole seconds only.
      expect(Math.abs((found?.storedAt.getTime() ?? 0) - beforeMs)).toBeLessThan(5_000);
    });

    test("a blob store has nothing under a digest that was never put", async () => {
      const blob = { digest: digestFor(randomBytes(32)), size: 32 };
      expect(await store().stat(blob.digest)).toBeUndefined();
      expect(await store().read(blob)).toBeUndefined();
      expect(await store().read({ ...blob, size: LARGE })).toBeUndefined();
      expect(await store().read({ ...blob, size: LARGE }, { first: 0, last: 9 })).toBeUndefined();
      expect(await store().withFile(blob.digest, async () => "there")).toBeUndefined();
      await store().remove(blob.digest);
      await store().setAside(blob.digest);
    });

    test("a blob store accepts the same bytes many times concurrently, and leaves the received files to the caller", async () => {
      const bytes = randomBytes(LARGE);
      const received = await Promise.all(Array.from({ length: 8 }, () => receive(bytes)));
      await Promise.all(received.map((file) => store().put(file)));
      for (const file of received) {
        expect(await Bun.file(file.path).exists()).toBe(true);
        await discardFile(file.path);
      }
      const blob = { digest: digestFor(bytes), size: LARGE };
      expect(sha256((await read(blob)) ?? new Uint8Array())).toBe(blob.digest);
    });

    for (const size of [500, LARGE, UNCACHED]) {
      const harms: [string, (bytes: Buffer) => Buffer][] = [
        ["cut short", (bytes) => bytes.subarray(0, size - 1)],
        ["made longer", (bytes) => Buffer.concat([bytes, Buffer.from("x")])],
        ["emptied", () => Buffer.alloc(0)],
        ["changed", (bytes) => Buffer.from(bytes.map((byte, at) => (at === size >> 1 ? byte ^ 1 : byte)))],
      ];
      for (const [harm, apply] of harms) {
        test(`a blob of ${size} bytes that was ${harm} is detected, and repaired by putting it again`, async () => {
          const bytes = randomBytes(size);
          const blob = await put(bytes);
          await opened.damage(blob.digest, apply(bytes));
          expect(await failureOf(read(blob))).toBe("blob_corrupt");
          if (harm !== "changed" || size <= VERIFIED_MAX_BYTES) {
            expect(await failureOf(read(blob, 0, 3))).toBe("blob_corrupt");
          }
          const found = await store().withFile(blob.digest, async ({ digest, path }) => [
            digest,
            sha256(await Bun.file(path).bytes()),
          ]);
          expect(found).toEqual(Array(2).fill(sha256(apply(bytes))));
          await put(bytes);
          expect(sha256((await read(blob)) ?? new Uint8Array())).toBe(blob.digest);
        });
      }
    }

    test("a removed blob is gone, can be removed again, and can be put again", async () => {
      const bytes = randomBytes(2_000);
      const blob = await put(bytes);
      await store().remove(blob.digest);
      await store().remove(blob.digest);
      const neverStored = parseDigest("ab".repeat(32));
      await store().settleRemovals([blob.digest, ...(neverStored === undefined ? [] : [neverStored])]);
      expect([await store().stat(blob.digest), await read(blob)]).toEqual([undefined, undefined]);
      await put(bytes);
      expect((await read(blob))?.length).toBe(2_000);
    });

    test("a blob store sets a damaged blob aside and keeps a good one", async () => {
      const bytes = randomBytes(2_000);
      const blob = await put(bytes);
      await store().setAside(blob.digest);
      expect((await read(blob))?.length).toBe(2_000);
      await opened.damage(blob.digest, randomBytes(2_000));
      await store().setAside(blob.digest);
      expect([await store().stat(blob.digest), await read(blob)]).toEqual([undefined, undefined]);
    });

    test("a blob store lists every blob once, by prefix, in order of the digests", async () => {
      const put40 = await Promise.all(Array.from({ length: 40 }, () => put(randomBytes(100))));
      const listed = await Array.fromAsync(store().list());
      const digests = listed.map(({ digest }) => digest ?? "");
      expect(digests).toEqual(digests.toSorted());
      expect(new Set(digests).size).toBe(digests.length);
      for (const { digest } of put40) {
        const entry = listed.find((known) => known.digest === digest);
        expect([entry?.size, entry?.storedAt instanceof Date]).toEqual([100, true]);
        for (const length of [1, 2, 3, 10, 64]) {
          const prefix = digest.slice(0, length);
          const found = (await Array.fromAsync(store().list(prefix))).map((known) => known.digest ?? "");
          expect(found).toEqual(digests.filter((known) => known.startsWith(prefix)));
        }
      }
    });

    test("sidecars are read as they were written, listed by directory, removed, and no blobs", async () => {
      const bytes = new Uint8Array([1, 154, 255, 0]);
      await store().putSidecar("log/tile/entries/000.p/1", bytes);
      await store().putSidecar("log/checkpoint", "first");
      await store().putSidecar("log/checkpoint", "second");
      for (const at of [1, 2]) await store().putRecent(`recovery/recent/${at}`, `leaf ${at}`);
      await store().putSidecar("recovery/tile/entries/000", "{}");
      expect(await store().readSidecar("log/checkpoint")).toBe("second");
      expect([...((await store().readSidecarBytes("log/tile/entries/000.p/1")) ?? [])]).toEqual([...bytes]);
      expect(await store().readSidecar("recovery/recent/2")).toBe("leaf 2");
      expect((await store().sidecarsIn("recovery/recent")).sort()).toEqual(["1", "2"]);
      expect([await store().sidecarsIn("recovery"), await store().sidecarsIn("recovery/absent")]).toEqual([[], []]);
      for (let times = 0; times < 2; times += 1) await store().removeSidecar("recovery/recent/1");
      expect(await store().sidecarsIn("recovery/recent")).toEqual(["2"]);
      await store().removeSidecars("recovery");
      await store().putRecent("recovery/recent/3", "again");
      expect(await store().sidecarsIn("recovery/recent")).toEqual(["3"]);
      expect(await store().readSidecarBytes("recovery/tile/entries/000")).toBeUndefined();
      for await (const { name } of store().list()) expect(name).not.toContain("recovery");
    });

    test("concurrent checks of a writable blob store pass and leave no file behind", async () => {
      await Promise.all(Array.from({ length: 5 }, () => store().check()));
      await put(randomBytes(10));
      await store().close();
      expect(await readdir(store().incomingDir)).toEqual([]);
    });
  });
}
