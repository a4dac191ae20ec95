import { readConfig } from "../config/config.ts";

const TIMEOUT_MS = 5_000;

/** Asks a running registry for `/health/ready`; exit code 0 when it is healthy. Made for containers, which have no curl. */
export async function healthcheck(configFile: string | undefined, url: string | undefined): Promise<number> {
  const target = `${url?.replace(/\/+$/, "") ?? `http://127.0.0.1:${readConfig(configFile).port}`}/health/ready`;
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    console.log(await response.text());
    return response.ok ? 0 : 1;
  } catch {
    console.error(`No healthy answer from ${target} within ${TIMEOUT_MS / 1000} s.`);
    return 1;
  }
}
