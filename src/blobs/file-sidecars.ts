import { writeFileSync } from "node:fs";
import { readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Failpoints } from "../runtime/failpoints.ts";
import { ifThere } from "../runtime/if-there.ts";
import { DurableDirectories, syncDirectory } from "./durable-directories.ts";
import { discardFile, storageFailure, temporaryPath } from "./incoming.ts";
import type { SidecarDirectory, SidecarName, Sidecars } from "./store.ts";

/** The sidecars of a store of files, below a directory of their own. */
export class FileSidecars implements Sidecars {
  readonly #root: string;
  readonly #failpoints: Failpoints;
  readonly #directories: DurableDirectories;

  constructor(root: string, failpoints: Failpoints) {
    this.#root = root;
    this.#failpoints = failpoints;
    this.#directories = new DurableDirectories(root, failpoints);
  }

  /** Sidecars are written here first: the root may be a file system of its own. */
  get temporaryDir(): string {
    return join(this.#root, "log");
  }

  async putSidecar(name: SidecarName, content: string | Uint8Array): Promise<void> {
    const path = join(this.#root, name);
    const written = temporaryPath(this.temporaryDir, "note");
    try {
      await this.#directories.ensure(this.temporaryDir);
      await this.#directories.ensure(dirname(path));
      await writeFile(written, content, { flag: "wx", flush: true });
      this.#failpoints.hit("sidecar.written");
      await rename(written, path);
      await syncDirectory(dirname(path), this.#failpoints);
    } catch (cause) {
      throw storageFailure(cause);
    } finally {
      await discardFile(written);
    }
  }

  async putRecent(name: SidecarName, content: string): Promise<void> {
    const path = join(this.#root, name);
    try {
      await this.#directories.ensure(dirname(path));
      // Synchronously: it takes no longer than a system call, and the thread pool waits for disks.
      writeFileSync(path, content, { flag: "wx" });
    } catch (cause) {
      throw storageFailure(cause);
    }
  }

  async readSidecar(name: SidecarName): Promise<string | undefined> {
    const bytes = await this.readSidecarBytes(name);
    return bytes && Buffer.from(bytes).toString("utf8");
  }

  readSidecarBytes(name: SidecarName): Promise<Uint8Array | undefined> {
    return ifThere(() => readFile(join(this.#root, name)));
  }

  async sidecarsIn(directory: SidecarDirectory): Promise<string[]> {
    const names = await ifThere(() => readdir(join(this.#root, directory), { withFileTypes: true }));
    return (names ?? []).filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async removeSidecar(name: SidecarName): Promise<void> {
    await ifThere(() => unlink(join(this.#root, name)));
  }

  async removeSidecars(directory: SidecarDirectory): Promise<void> {
    const path = join(this.#root, directory);
    this.#directories.forget(path);
    await rm(path, { recursive: true, force: true });
  }
}
