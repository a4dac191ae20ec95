import { structuredPatch } from "diff";

/** Texts that differ in more lines are other texts, and take too long to compare. */
const EDITS_MAX = 400;
/** Lines around a change. */
const CONTEXT_LINES = 3;

/** A change of a text with the lines around it. A line begins with `+`, `-` or a space. */
export interface Hunk {
  /** The numbers of the first line, counted from 1. */
  readonly fromLine: number;
  readonly toLine: number;
  readonly lines: readonly string[];
}

/** Compares two texts by their lines. Undefined for texts that differ too much. */
export function diffTexts(from: string, to: string): readonly Hunk[] | undefined {
  const options = { context: CONTEXT_LINES, maxEditLength: EDITS_MAX };
  const patch = structuredPatch("", "", from, to, undefined, undefined, options);
  return patch?.hunks.map(({ oldStart, newStart, lines }) => ({ fromLine: oldStart, toLine: newStart, lines }));
}
