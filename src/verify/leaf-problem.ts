import type { ProblemCode } from "./checks.ts";

/** A problem of one leaf of the log. */
export interface LeafProblem {
  readonly code: ProblemCode;
  readonly index: number;
  readonly detail: string;
  /** With `archive_withheld`: which version the registry does not give, and whether it says for good. */
  readonly withheld?: { readonly name: string; readonly version: string; readonly forGood: boolean };
}
