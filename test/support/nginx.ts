import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchOnFreePort } from "./ports.ts";
import { waitUntil } from "./wait-until.ts";

const NGINX = Bun.which("nginx") ?? ["/usr/sbin/nginx"].find((path) => Bun.which(path) !== null);

/** Why the tests with nginx are skipped. Undefined if nginx is there. */
export const nginxMissing = NGINX === undefined ? "nginx is not on this machine" : undefined;

/** A running nginx. */
export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts nginx with its defaults as a proxy before a server. Only its limit of bodies is lifted,
 * because its answers would hide those of the server.
 */
export async function startNginx(upstream: string): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), "cpm-nginx-test-"));
  const launch = async (port: number) => {
    const settings = join(directory, "nginx.conf");
    await writeFile(settings, configOf(directory, port, upstream));
    const child = Bun.spawn([NGINX ?? "", "-c", settings], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const errors = new Response(child.stderr).text();
    await waitUntil(async () => child.exitCode !== null || (await isAnswering(port)), "nginx answers");
    if (child.exitCode !== null) throw new Error(await errors);
    return child;
  };
  const { port, running } = await launchOnFreePort(launch, "Address already in use");
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      running.kill("SIGTERM");
      await running.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function isAnswering(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function configOf(directory: string, port: number, upstream: string): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join("\n");
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
pid ${directory}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${temporary}
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass ${upstream}; }
  }
}
`;
}
