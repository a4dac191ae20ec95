import { failure } from "../errors.ts";
import { foldTag } from "../search/search-packages.ts";

/** The most tags that a search looks for. */
export const ASKED_TAGS_MAX = 10;

const TOO_MANY = { path: "/tags", message: `must name at most ${ASKED_TAGS_MAX} tags` };

/**
 * Returns every tag that is asked for, by either name of the parameter, given once (`tags=a,b`) or
 * several times. Empty tags are left out, and case makes no difference. Throws `validation_failed`
 * for more tags than a search looks for: each is one more index to read.
 */
export function askedTags(parameters: URLSearchParams): string[] {
  const lists = [...parameters.getAll("tags"), ...parameters.getAll("tag")];
  const tags = new Set(lists.flatMap((list) => list.split(",")).map(foldTag));
  tags.delete("");
  if (tags.size > ASKED_TAGS_MAX) throw failure({ code: "validation_failed", faults: [TOO_MANY] });
  return [...tags];
}
