import type { ProblemCode } from "./checks.ts";

export interface LeafProblem {
  readonly code: ProblemCode;
  readonly index: number;
  readonly detail: string;
}
