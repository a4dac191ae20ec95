import { ARCHIVE_FAULTS_MAX } from "../domain/limits.ts";
import type { ArchiveFault, ArchiveFaultCode, EntryProblem } from "./archive-fault.ts";

/** A message names the first entry and at most this many others. */
const OTHERS_SHOWN_MAX = 5;
const OTHER_NAME_MAX_CHARS = 80;

interface FaultGroup {
  readonly path: string;
  readonly code: ArchiveFaultCode;
  readonly message: string;
  readonly others: string[];
  count: number;
}

/**
 * The faults of one archive in the order in which they are found. Entries with the same problem
 * share one fault, because ten thousand bad entries must not become ten thousand messages. Its
 * memory does not depend on the archive.
 */
export class FaultList {
  readonly #groups = new Map<string, FaultGroup>();
  /** The number of faults that are not listed. */
  leftOut = 0;

  /** Adds a fault that stands alone. */
  add({ path, code, message }: ArchiveFault): void {
    this.#addTo(JSON.stringify([code, message]), { path, code, message, others: [], count: 1 });
  }

  /** Adds a problem of an entry. */
  addProblem({ path, code, problem }: EntryProblem): void {
    const message = `entry "${path}" ${problem}`;
    this.#addTo(JSON.stringify([code, problem]), { path, code, message, others: [], count: 1 });
  }

  /** Returns the faults as a client gets them. */
  faults(): ArchiveFault[] {
    return [...this.#groups.values()].map((group) => ({
      path: group.path,
      code: group.code,
      message: `${group.message}${othersOf(group)}`,
    }));
  }

  #addTo(key: string, group: FaultGroup): void {
    const known = this.#groups.get(key);
    if (known !== undefined) {
      known.count += 1;
      if (known.others.length < OTHERS_SHOWN_MAX) known.others.push(group.path);
    } else if (this.#groups.size < ARCHIVE_FAULTS_MAX) this.#groups.set(key, group);
    else this.leftOut += 1;
  }
}

function othersOf({ count, others }: FaultGroup): string {
  if (count === 1) return "";
  const names = others.map((name) => `"${shortened(name)}"`).join(", ");
  return ` (and ${count - 1} more: ${names}${count - 1 > others.length ? ", …" : ""})`;
}

function shortened(name: string): string {
  return name.length > OTHER_NAME_MAX_CHARS ? `${name.slice(0, OTHER_NAME_MAX_CHARS)}…` : name;
}
