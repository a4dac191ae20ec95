import type { Metrics } from "../metrics/metrics.ts";
import { routeTemplate } from "../metrics/request-histogram.ts";
import { contextOf } from "./request-context.ts";

/** A route in Elysia's list, with the responses that its description names. */
interface DescribedRoute {
  readonly method: string;
  readonly path: string;
  readonly hooks: { readonly detail?: { readonly responses?: object } | undefined };
}

/** By the routes of Elysia, which are few. Every request asks. */
const templates = new Map<string, string>();

/** Notes the template of the route that answers a request, for the metrics. */
export function noteRoute({ request, route }: { readonly request: Request; readonly route: string }): void {
  const template = templates.get(route) ?? routeTemplate(route);
  templates.set(route, template);
  contextOf(request).route = template;
}

/**
 * Makes the series of every described route exist before its first request, with the codes of its
 * successful responses.
 */
export function declareRoutes({ requests }: Pick<Metrics, "requests">, routes: readonly DescribedRoute[]): void {
  for (const { method, path, hooks } of routes) {
    const codes = Object.keys(hooks.detail?.responses ?? {}).map(Number);
    for (const code of codes) if (code < 300) requests.declare({ method, route: routeTemplate(path), code });
  }
}
