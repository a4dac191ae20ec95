import { describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { openMemoryStore, type StoredBytes } from "../../src/blobs/memory-store.ts";
import { readNamedStorage } from "../../src/config/named-storage.ts";
import { failure } from "../../src/errors.ts";
import { copyStore } from "../../src/maintenance/copy-store.ts";
import { inTemporaryDirectory } from "../binary/executable.ts";
import { sha256 } from "../support/client.ts";
import { overriding } from "../support/registry.ts";
import { isStored, pathOf, plant, runCommand } from "./scene.ts";

const quiet = () => undefined;

function bytesNumber(n: number) {
  return new TextEncoder().encode(`archive ${n} ${"x".repeat(n)}`);
}

async function plantMany(store: string, count: number): Promise<string[]> {
  const digests: string[] = [];
  for (let n = 0; n < count; n += 1) digests.push(await plant(store, bytesNumber(n), 0));
  return digests;
}

describe("the command storage copy", () => {
  test("storage copy copies what is missing, reports damaged and foreign files, and continues when run again", () =>
    inTemporaryDirectory(async (home) => {
      const [from, to] = [join(home, "packages"), join(home, "elsewhere")];
      const digests = await plantMany(from, 60);
      await plantMany(to, 20);
      const damaged = await plant(from, bytesNumber(7), 0, sha256(new Uint8Array(1)));
      await writeFile(join(from, "sha256", damaged.slice(0, 2), "README"), "no archive");
      const copy = () =>
        runCommand({ DATA_DIR: home }, "storage", "copy", "--from", "FileSystem", "--to", `file:${to}`);
      const first = await copy();
      expect([first.exitCode, first.stderr]).toEqual([1, ""]);
      expect(first.stdout).toMatch(/^Copied 40 archives \(.*\) in .*; 20 \(.*\) were already there\.\n/);
      expect(first.stdout).toContain(
        `Not copied, because they are damaged at the source (1):\n  ${damaged}: its 17 bytes`,
      );
      expect(first.stdout).toContain(`${damaged.slice(0, 2)}/README`);
      for (const [n, digest] of digests.entries()) {
        expect(new Uint8Array(await readFile(pathOf(to, digest)))).toEqual(bytesNumber(n));
        // A hard link would share later damage with its original.
        expect(statSync(pathOf(to, digest)).ino).not.toBe(statSync(pathOf(from, digest)).ino);
      }
      expect(isStored(to, damaged)).toBe(false);

      await rm(pathOf(from, damaged));
      await writeFile(pathOf(to, digests[3] ?? ""), "cut off");
      const again = await copy();
      expect(again.stdout).toMatch(/^Copied 1 archive \(/);
      expect(again.exitCode).toBe(0);
      expect(new Uint8Array(await readFile(pathOf(to, digests[3] ?? "")))).toEqual(bytesNumber(3));
    }));

  test("storage copy reads a settings file as a storage, to which the environment does not apply", () =>
    inTemporaryDirectory(async (home) => {
      await plantMany(join(home, "old", "packages"), 2);
      const settings = join(home, "old.json");
      await writeFile(settings, JSON.stringify({ DataDir: join(home, "old"), Storage: { Type: "FileSystem" } }));
      const env = { DATA_DIR: join(home, "new"), STORAGE_TYPE: "S3" };
      const args = ["storage", "copy", "--from", settings, "--to", "FileSystem", "--json"];
      const { exitCode, stdout } = await runCommand(env, ...args);
      expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { copied: { count: 2 }, skipped: { count: 0 } }]);
    }));

  test("storage copy refuses the same storage twice, a missing source and a name of no storage", () =>
    inTemporaryDirectory(async (home) => {
      await mkdir(join(home, "packages"));
      const copy = (...args: string[]) => runCommand({ DATA_DIR: home }, "storage", "copy", ...args);
      const same = await copy("--from", "FileSystem", "--to", `file:${home}/other/../packages`);
      expect([same.exitCode, same.stderr]).toEqual([64, expect.stringContaining("are the same storage")]);
      const nowhere = await copy("--from", `file:${home}/nowhere`, "--to", "FileSystem");
      expect([nowhere.exitCode, nowhere.stderr]).toEqual([1, expect.stringContaining("nowhere, which does not exist")]);
      expect(existsSync(join(home, "nowhere"))).toBe(false);
      const unknown = await copy("--from", "nothing", "--to", "FileSystem");
      expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining("nothing is not a storage")]);
      const unset = await copy("--from", "FileSystem", "--to", "S3");
      expect([unset.exitCode, unset.stderr]).toEqual([1, expect.stringContaining("STORAGE_BUCKET_NAME is required")]);
      expect((await copy("--from", "FileSystem")).exitCode).toBe(64);
    }));
});

describe("copyStore", () => {
  test("copyStore reports what could not be copied and copies the rest, and stops at a full destination", () =>
    inTemporaryDirectory(async (home) => {
      const digests = await plantMany(join(home, "from"), 30);
      const from = await openFileStore(join(home, "from"));
      const stored: StoredBytes = new Map();
      await mkdir(join(home, "incoming"));
      const memory = openMemoryStore(join(home, "incoming"), () => new Date(), stored);
      const refusing = (code: "storage_timeout" | "storage_full") =>
        overriding(memory, {
          put: (file) => (file.digest === digests[5] ? Promise.reject(failure({ code })) : memory.put(file)),
        });
      const some = await copyStore(from, refusing("storage_timeout"), quiet);
      expect(some.failures.items).toEqual([{ sha256: digests[5] ?? "", reason: "storage_timeout" }]);
      expect([some.copied.count, some.isStopped, stored.size]).toEqual([29, false, 29]);
      const full = await copyStore(from, refusing("storage_full"), quiet);
      expect([full.copied.count, full.failures.count, full.isStopped]).toEqual([0, 1, true]);
      const rest = await copyStore(from, memory, quiet);
      expect([rest.copied.count, rest.skipped.count, rest.failures.count]).toEqual([1, 29, 0]);
    }));
});

describe("the name of a storage", () => {
  const s3 = { STORAGE_ACCESS_KEY: "key", STORAGE_SECRET_KEY: "secret", STORAGE_ENDPOINT: "http://localhost:9000" };

  test("the name of a storage replaces the settings that it states", () => {
    const env = { ...s3, DATA_DIR: "/data", STORAGE_BUCKET_NAME: "main", STORAGE_KEY_PREFIX: "one" };
    const read = (name: string) => readNamedStorage(name, undefined, env).storage;
    expect(read("filesystem")).toEqual({ kind: "files", directory: "/data/packages" });
    expect(read("file:/other/place")).toEqual({ kind: "files", directory: "/other/place" });
    expect(read("file:///other/place")).toEqual({ kind: "files", directory: "/other/place" });
    expect(read("S3")).toMatchObject({ kind: "s3", bucket: "main", keyPrefix: "one/" });
    expect(read("s3://second/a/b")).toMatchObject({ kind: "s3", bucket: "second", keyPrefix: "a/b/" });
    expect(read("s3://second")).toMatchObject({ kind: "s3", bucket: "second", keyPrefix: "" });
  });

  test("a text that names no storage is refused", () => {
    for (const name of ["", "file:", "s3://", "ftp://x", "Memory"]) {
      expect(() => readNamedStorage(name, undefined, { ...s3 })).toThrow(/not a storage/);
    }
    expect(() => readNamedStorage("missing.json", undefined, s3)).toThrow(/cannot be read/);
  });
});
