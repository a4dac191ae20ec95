/** A route as Elysia lists it. */
interface KnownRoute {
  readonly method: string;
  readonly path: string;
}

function matcher(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/:[A-Za-z]+/g, "[^/]+")}/?$`);
}

/**
 * Answers which methods an address takes, so that an unknown address is 404 and a wrong method 405 with `Allow`:
 * Elysia answers 404 to both. `routes` is asked once, at the first question, when all of them are known.
 */
export function createMethodFinder(routes: () => readonly KnownRoute[]): (path: string) => string[] {
  let known: Map<string, { pattern: RegExp; methods: Set<string> }> | undefined;
  const load = () => {
    const byPath = new Map<string, { pattern: RegExp; methods: Set<string> }>();
    for (const { method, path } of routes()) {
      const entry = byPath.get(path) ?? { pattern: matcher(path), methods: new Set() };
      entry.methods.add(method);
      if (method === "GET") entry.methods.add("HEAD");
      byPath.set(path, entry);
    }
    return byPath;
  };
  return (path) => {
    known ??= load();
    const methods = [...known.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((entry) => [...entry.methods]);
    return [...new Set(methods)].sort();
  };
}
