import type { ProblemCode } from "./checks.ts";

/** A problem of one leaf of the log. */
export interface LeafProblem {
  readonly code: ProblemCode;
  readonly index: number;
  readonly detail: string;
}
