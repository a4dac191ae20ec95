import { type Config, readConfig } from "../config/config.ts";

const TIMEOUT_MS = 5_000;

/**
 * The address of the configured server, seen from this machine. A wildcard address listens on
 * loopback too.
 */
function localUrl({ host, port }: Pick<Config, "host" | "port">): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[host] ?? (host.includes(":") ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}

/**
 * Asks a running registry for `/health/ready`. Returns 0 if it is healthy. Made for containers that
 * have no curl.
 */
export async function healthcheck(configFile: string | undefined, url: string | undefined): Promise<number> {
  const base = url?.replace(/\/+$/, "") ?? localUrl(readConfig(configFile));
  const target = `${base}/health/ready`;
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    console.log(await response.text());
    return response.ok ? 0 : 1;
  } catch {
    console.error(
      `${target} did not answer within ${TIMEOUT_MS / 1000} s. Is the registry running, and is the address right?`,
    );
    return 1;
  }
}
