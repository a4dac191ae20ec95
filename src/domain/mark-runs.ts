/** UAX #15 §13, "Stream-Safe Text Format". No language writes as many marks on one letter. */
const LONG_RUN = /(\p{M}{30})\p{M}+/gu;

/**
 * Cuts runs of combining marks to 30. Use it before text from outside is normalised: normalising
 * sorts the marks of a run, and the time for that grows with the square of its length.
 */
export function cutMarkRuns(text: string): string {
  return text.replaceAll(LONG_RUN, "$1");
}
