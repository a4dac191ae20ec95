import type { Fault } from "../errors.ts";

const SHOWN_MAX = 10;
const NAME_SHOWN_MAX_CHARS = 64;

/**
 * Makes one fault for each name that is not in `known`. Reports at most ten names, and shortens
 * long ones, because a client may send any number of any length.
 */
export function faultsOfUnknown(names: Iterable<string>, known: object, message: string): Fault[] {
  const unknown = [...new Set(names)].filter((name) => !Object.hasOwn(known, name));
  return unknown.slice(0, SHOWN_MAX).map((name) => ({ path: `/${name.slice(0, NAME_SHOWN_MAX_CHARS)}`, message }));
}
