import { Histogram, type Registry } from "prom-client";
import { type CachedAnswers, NO_ROUTE } from "./cached-answers.ts";

const BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** What the requests of one series have in common. `route` is a template, never a path. */
interface RequestLabels {
  readonly method: string;
  readonly route: string;
  readonly code: number;
}

interface Series {
  readonly labels: { readonly method: string; readonly route: string; readonly code: string };
  /** Requests by bucket. The last one is above all bounds. */
  readonly buckets: number[];
  sum: number;
}

/** The template of a route of Elysia: `/api/v1/packages/:name` is `/api/packages/{name}`. */
export function routeTemplate(path: string): string {
  return path.replace(/^\/api\/v1(?=\/|$)/, "/api").replaceAll(/:(\w+)/g, "{$1}");
}

/**
 * Counts requests by their duration. Hundreds of thousands of answers a second come from the
 * response cache, so it keeps its counts in plain numbers, and the series are made of them when the
 * metrics are read. A histogram of prom-client would take longer to count a cached answer than the
 * cache to give it.
 */
export class RequestHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, Series>();

  constructor(
    registry: Registry,
    readonly cachedAnswers: () => ReadonlyMap<string, CachedAnswers>,
  ) {
    const name = "cpm_registry_http_request_duration_seconds";
    const help = "Requests by the time until their response began.";
    super({ name, help, labelNames: ["method", "route", "code"], buckets: BUCKETS_SECONDS, registers: [registry] });
    this.#name = name;
    this.#help = help;
  }

  /** Makes the series of a route exist before its first request. */
  declare(labels: RequestLabels): void {
    this.#seriesOf(labels);
  }

  /** Counts a request. `route` is undefined where no route of the app answered it. */
  count(method: string, route: string | undefined, code: number, seconds: number): void {
    const known = METHODS.includes(method) ? method : "other";
    const series = this.#seriesOf({ method: known, route: route ?? NO_ROUTE, code });
    let at = 0;
    while (at < BUCKETS_SECONDS.length && seconds > (BUCKETS_SECONDS[at] ?? 0)) at += 1;
    series.buckets[at] = (series.buckets[at] ?? 0) + 1;
    series.sum += seconds;
  }

  /** Called by prom-client, for its text and for its objects. */
  async getForPromString() {
    const cached = new Map(
      [...this.cachedAnswers()].flatMap(([route, { whole, unchanged }]) => [
        [this.#seriesOf({ method: "GET", route, code: 200 }), whole] as const,
        [this.#seriesOf({ method: "GET", route, code: 304 }), unchanged] as const,
      ]),
    );
    const values = [...this.#series.values()].flatMap((series) => this.#valuesOf(series, cached.get(series) ?? 0));
    return { name: this.#name, help: this.#help, type: "histogram", values, aggregator: "sum" };
  }

  /** The lines of a series. Cached answers take microseconds, so they are in the first bucket. */
  #valuesOf({ labels, buckets, sum }: Series, cached: number) {
    let count = cached;
    const bucketValues = buckets.map((more, at) => {
      count += more;
      const le = BUCKETS_SECONDS[at] ?? "+Inf";
      return { metricName: `${this.#name}_bucket`, labels: { le }, sharedLabels: labels, value: count };
    });
    return [
      ...bucketValues,
      { metricName: `${this.#name}_sum`, labels: {}, sharedLabels: labels, value: sum },
      { metricName: `${this.#name}_count`, labels: {}, sharedLabels: labels, value: count },
    ];
  }

  #seriesOf({ method, route, code }: RequestLabels): Series {
    const key = `${code} ${method} ${route}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const labels = { method, route, code: String(code) };
    const series = { labels, buckets: new Array<number>(BUCKETS_SECONDS.length + 1).fill(0), sum: 0 };
    this.#series.set(key, series);
    return series;
  }
}
