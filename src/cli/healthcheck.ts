import { type Config, readConfig } from "../config/config.ts";

const TIMEOUT_MS = 5_000;

/** The address this machine reaches the configured server at: a wildcard address listens on loopback too. */
function localUrl({ host, port }: Pick<Config, "host" | "port">): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[host] ?? (host.includes(":") ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}

/** Asks a running registry for `/health/ready`; exit code 0 when it is healthy. Made for containers, which have no curl. */
export async function healthcheck(configFile: string | undefined, url: string | undefined): Promise<number> {
  const base = url?.replace(/\/+$/, "") ?? localUrl(readConfig(configFile));
  const target = `${base}/health/ready`;
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    console.log(await response.text());
    return response.ok ? 0 : 1;
  } catch {
    console.error(`No healthy answer from ${target} within ${TIMEOUT_MS / 1000} s.`);
    return 1;
  }
}
