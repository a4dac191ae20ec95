import { type Config, readConfig } from "../config/config.ts";
import { errorCode } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { requestOutside } from "../runtime/outside-request.ts";
import { print, printError } from "../runtime/print.ts";

const TIMEOUT_MS = 5_000;
const RESPONSE_MAX_BYTES = 64 * 1024;

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
    const { status, body } = await requestOutside(target, { maxMs: TIMEOUT_MS, maxBytes: RESPONSE_MAX_BYTES });
    print(Buffer.from(body).toString("utf8"));
    return status === 200 ? 0 : 1;
  } catch (cause) {
    const reason = faultCode(errorCode(cause))?.reason ?? `it did not answer within ${TIMEOUT_MS / 1000} s`;
    const from = url === undefined ? " The address is that of HOST and PORT; --config or --url names another." : "";
    printError(`${target} cannot be asked: ${reason}. Is the registry running there?${from}`);
    return 1;
  }
}
