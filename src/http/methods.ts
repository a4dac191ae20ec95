/** A route in Elysia's list. */
interface KnownRoute {
  readonly method: string;
  readonly path: string;
}

interface Entry {
  readonly pattern: RegExp;
  readonly parameters: number;
  readonly methods: Set<string>;
}

const PARAMETER = /:[A-Za-z]+/g;

function matcher(path: string): RegExp {
  // Elysia registers a pattern for CORS that matches every address. It is no address of its own.
  const isFolder = path.length > 2 && path.endsWith("/*");
  const escaped = path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(PARAMETER, "[^/]+");
  return new RegExp(`^${isFolder ? escaped.replace(/\\\*$/, ".+") : escaped}/?$`);
}

/**
 * Of the routes that match an address, returns those with the fewest parameters. `/keys` is
 * therefore not taken for a version of a package.
 */
function closest<Route extends { readonly parameters: number }>(fitting: readonly Route[]): Route[] {
  const fewest = Math.min(...fitting.map(({ parameters }) => parameters));
  return fitting.filter(({ parameters }) => parameters === fewest);
}

/**
 * Makes a function that lists the methods of an address. With it an unknown address is 404 and a
 * wrong method is 405 with `Allow`, where Elysia responds 404 to both. `routes` is called once, at
 * the first question, when all routes are known.
 */
export function createMethodFinder(routes: () => readonly KnownRoute[]): (path: string) => string[] {
  let known: Map<string, Entry> | undefined;
  const load = () => {
    const byPath = new Map<string, Entry>();
    for (const { method, path } of routes()) {
      const entry = byPath.get(path) ?? {
        pattern: matcher(path),
        parameters: path.match(PARAMETER)?.length ?? 0,
        methods: new Set(),
      };
      entry.methods.add(method);
      if (method === "GET") entry.methods.add("HEAD");
      byPath.set(path, entry);
    }
    return byPath;
  };
  return (path) => {
    known ??= load();
    const fitting = [...known.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(closest(fitting).flatMap(({ methods }) => [...methods]))].sort();
  };
}
