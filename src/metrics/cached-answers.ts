/** How often the response cache answered requests for one route, with a body or with 304. */
export interface CachedAnswers {
  whole: number;
  unchanged: number;
}

/** The route of requests that no route of the app answers, such as unknown addresses. */
export const NO_ROUTE = "none";

/** The answers of the response cache, in plain numbers: a cached answer takes a microsecond. */
export class CachedAnswerCounts {
  readonly #byRoute = new Map<string, CachedAnswers>();

  /** The counts by the template of the route whose responses were cached. */
  get byRoute(): ReadonlyMap<string, CachedAnswers> {
    return this.#byRoute;
  }

  /** Returns the counts of a route, which the cache increases. */
  of(route = NO_ROUTE): CachedAnswers {
    const known = this.#byRoute.get(route) ?? { whole: 0, unchanged: 0 };
    this.#byRoute.set(route, known);
    return known;
  }
}
