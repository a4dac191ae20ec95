import type { BlobStore } from "../blobs/store.ts";
import { parseDigest } from "../domain/digest.ts";
import type { StoredLeaf } from "../log/leaf-details.ts";
import { BoundedList } from "../maintenance/progress.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import type { VersionEntry } from "../tlog/leaf.ts";
import { parseStoredLeaf } from "./leaf-counts.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { Takedowns } from "./takedowns.ts";

/** How many archives are asked for at a time. */
const CONCURRENCY = 16;
/** How many missing archives a refusal names. */
const NAMED_MAX = 100;

/** Collects versions whose archive is not stored, or has another size. */
export class ArchiveCheck {
  readonly #missing: VersionEntry[] = [];
  readonly takedowns = new Takedowns();
  readonly #asking = new Semaphore(CONCURRENCY, Number.POSITIVE_INFINITY);

  constructor(readonly blobs: Pick<BlobStore, "stat">) {}

  /** Asks for the archives of some leaves. */
  async add(leaves: readonly StoredLeaf[], first: number): Promise<void> {
    const asked = leaves.map((stored, at) =>
      this.#asking.run(async () => {
        const { leaf } = parseStoredLeaf(stored, first + at);
        this.takedowns.add(leaf);
        if (leaf.kind !== "version") return;
        const digest = parseDigest(leaf.sha256);
        const found = digest && (await this.blobs.stat(digest));
        if (found?.size !== leaf.size) this.#missing.push(leaf);
      }),
    );
    await Promise.all(asked);
  }

  /**
   * Throws `RecoveryRefusal` with the versions whose archives are missing. Those that a later leaf
   * takes down need none.
   */
  require(): void {
    const missing = new BoundedList<string>(NAMED_MAX);
    for (const leaf of this.#missing) {
      if (!this.takedowns.has(leaf)) missing.add(`${leaf.name} ${leaf.version} (sha256 ${leaf.sha256})`);
    }
    const { count, items } = missing;
    if (count === 0) return;
    const more = count > items.length ? ` and ${count - items.length} more` : "";
    throw new RecoveryRefusal(
      "archives_missing",
      `the storage lacks ${count === 1 ? "the archive of a version" : `the archives of ${count} versions`} that the log has: ${items.join(", ")}${more}. Put them back (sha256/<first two digits>/<sha256>) from a copy of the storage, and run the command again.`,
      items,
    );
  }
}
