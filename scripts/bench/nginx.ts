import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freePort } from "../../test/support/ports.ts";
import { programPath } from "./install-peers.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const START_TIMEOUT_MS = 5_000;

/** The web server to which reads are compared. */
export interface Nginx extends ServerProcess {
  readonly url: string;
}

/** One worker that sends files as fast as nginx can, with `sendfile` and without a log. */
function configuration(directory: string, files: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${join(directory, "temporary")};\n`)
    .join("");
  // When nginx starts as root, its worker is another user, who cannot read the files.
  const user = process.getuid?.() === 0 ? "user root root;\n" : "";
  return `${user}worker_processes 1;
daemon off;
pid ${join(directory, "nginx.pid")};
error_log stderr crit;
events { worker_connections 1024; }
http {
${temporary}  default_type application/gzip;
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 60s;
  keepalive_requests 100000000;
  server {
    listen 127.0.0.1:${port};
    root ${files};
  }
}
`;
}

/** Starts nginx on the files of a directory. Undefined where nginx is not installed. */
export async function startNginx(directory: string, files: string): Promise<Nginx | undefined> {
  const binary = programPath("nginx");
  if (binary === undefined) return undefined;
  const port = await freePort();
  const home = join(directory, "nginx");
  mkdirSync(join(home, "temporary"), { recursive: true });
  const config = join(home, "nginx.conf");
  writeFileSync(config, configuration(home, files, port));
  const url = `http://127.0.0.1:${port}`;
  const command = [binary, "-p", home, "-c", config, "-e", "stderr"];
  // The first request asks for a missing file, so any answer will do.
  const server = await startServer({ command, url, cwd: home, env: {}, timeoutMs: START_TIMEOUT_MS });
  return { url, ...server };
}

/** Writes a file that nginx serves at this path. */
export function serveFile(files: string, path: string, bytes: Uint8Array): void {
  const file = join(files, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}
