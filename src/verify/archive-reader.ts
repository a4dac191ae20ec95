import { COMPRESSED_HARD_MAX_BYTES } from "../domain/limits.ts";
import { SizeClassSemaphores } from "../runtime/semaphore.ts";
import type { VersionEntry } from "../tlog/leaf.ts";
import { sha256Of } from "./archive-digest.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";

/** An archive is in memory while it is checked, so large archives have a low concurrency. */
const SIZE_CLASS_LIMITS = { smallConcurrency: 16, largeConcurrency: 2, waitingMax: Number.POSITIVE_INFINITY };

const FORBIDDEN = 403;
/** RFC 7725. */
const LEGAL_REASONS = 451;

/** Downloads archives from a registry and compares them with the log. */
export class ArchiveReader {
  readonly #downloads = new SizeClassSemaphores(SIZE_CLASS_LIMITS);

  constructor(readonly client: RegistryClient) {}

  /**
   * Returns the problem of a version's archive. If the archive is the one in the log, returns the
   * result of `check`.
   */
  async read(
    { name, version, size, sha256 }: VersionEntry,
    index: number,
    check: (archive: Uint8Array) => Promise<LeafProblem | undefined>,
  ): Promise<LeafProblem | undefined> {
    const named = `${name} ${version}`;
    const path = `/api/packages/${encodeURIComponent(name)}/${encodeURIComponent(version)}/download`;
    const differs = (what: string) => ({ code: "archive_differs" as const, index, detail: `${named}: ${what}` });
    return this.#downloads.run(size, async () => {
      const archive = await this.#archive(path, Math.min(size, COMPRESSED_HARD_MAX_BYTES));
      if (!(archive instanceof RegistryFault)) {
        const digest = sha256Of(archive);
        return digest === sha256 ? check(archive) : differs(`sha256 ${digest}, and the log has ${sha256}`);
      }
      if (archive.tooLarge) return differs(archive.message);
      // The caller may read the log, so an administrator withholds the version or took it down.
      // `unloggedOf` in audit.ts decides whether a leaf says so, once all leaves were read.
      if (archive.status === FORBIDDEN || archive.status === LEGAL_REASONS) {
        const withheld = { name, version, forGood: archive.status === LEGAL_REASONS };
        return { code: "archive_withheld", index, detail: named, withheld };
      }
      return { code: "archive_missing", index, detail: `${named}: ${archive.message}` };
    });
  }

  /**
   * Returns the archive, or the registry's refusal. Throws `RegistryFault` if the registry gave no
   * usable response.
   */
  async #archive(path: string, maxBytes: number): Promise<Uint8Array | RegistryFault> {
    try {
      return await this.client.bytes(path, maxBytes);
    } catch (cause) {
      if (cause instanceof RegistryFault && cause.isAnswer) return cause;
      throw cause;
    }
  }
}
