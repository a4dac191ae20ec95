/*
 * Inspects the archive at a path as the registry inspects an upload. It is a process of its own, so
 * that its memory can be measured. Writes a `BombReport` to stdout.
 */

import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { residentMb, residentPeakMb } from "./measure.ts";

/** The cost of one refusal. */
export interface BombReport {
  /** The codes of the faults, or `accepted`. */
  readonly outcome: string;
  readonly ms: number;
  readonly idleMb: number;
  readonly peakMb: number;
}

async function outcomeOf(path: string): Promise<string> {
  try {
    await inspectArchive(Bun.file(path).stream(), DEFAULT_ARCHIVE_LIMITS);
    return "accepted";
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    return error.error.faults.map(({ code }) => code).join(", ");
  }
}

if (import.meta.main) {
  Bun.gc(true);
  const idleMb = residentMb(process.pid) ?? Number.NaN;
  const startedMs = performance.now();
  const outcome = await outcomeOf(process.argv[2] ?? "");
  const ms = performance.now() - startedMs;
  const report: BombReport = { outcome, ms, idleMb, peakMb: residentPeakMb(process.pid) ?? Number.NaN };
  console.log(JSON.stringify(report));
}
