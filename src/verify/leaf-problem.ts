import type { ProblemCode } from "./checks.ts";

/** A problem of one leaf of the log. */
export interface LeafProblem {
  readonly code: ProblemCode;
  readonly index: number;
  readonly detail: string;
  /**
   * With `archive_withheld`: the version, and whether the registry says that it is gone for good.
   */
  readonly withheld?: { readonly name: string; readonly version: string; readonly forGood: boolean };
}
