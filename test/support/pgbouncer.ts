import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, isListening } from "./ports.ts";
import { waitUntil } from "./wait-until.ts";

/** PgBouncer refuses to run as root. If the tests do, it runs as `nobody`. */
const UNPRIVILEGED_ID = 65534;
const owner = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};

/** Why no PgBouncer can be started here. Undefined if one can. */
export function reasonAgainstPgBouncer(): string | undefined {
  const { status } = spawnSync("pgbouncer", ["--version"], { stdio: "ignore" });
  return status === 0 ? undefined : "pgbouncer is not installed (apt-get install pgbouncer)";
}

/** A PgBouncer in front of one Postgres. */
export interface PgBouncer {
  /** The database's URL through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a PgBouncer in front of the database of `url`, with these settings of its own. */
export async function startPgBouncer(url: string, settings: Readonly<Record<string, string>>): Promise<PgBouncer> {
  const { hostname, port: serverPort, username, password, pathname } = new URL(url);
  const home = mkdtempSync(join(tmpdir(), "cpm-pgbouncer-"));
  const port = await freePort();
  const users = join(home, "users.txt");
  const file = join(home, "pgbouncer.ini");
  writeFileSync(users, `"${username}" "${decodeURIComponent(password)}"\n`);
  const database = decodeURIComponent(pathname.slice(1));
  const own = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "plain",
    auth_file: users,
  };
  const lines = Object.entries({ ...own, ...settings }).map(([name, value]) => `${name} = ${value}`);
  writeFileSync(
    file,
    `[databases]\n${database} = host=${hostname} port=${serverPort}\n[pgbouncer]\n${lines.join("\n")}\n`,
  );
  if (owner.uid !== undefined) for (const path of [home, users, file]) chownSync(path, owner.uid, owner.uid);
  const child: ChildProcess = spawn("pgbouncer", [file], { stdio: "ignore", ...owner });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  await waitUntil(async () => child.exitCode !== null || (await isListening(port)), "PgBouncer listens");
  const through = new URL(url);
  [through.hostname, through.port] = ["127.0.0.1", String(port)];
  return {
    url: through.href,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
