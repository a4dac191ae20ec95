import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Outside of the repository, because peers are no dependencies of this project. */
const DIRECTORY = process.env.CPM_BENCH_PEERS ?? join(homedir(), ".cache/cpm-bench/peers");
/** The last version that runs on Node.js 20. */
const VERDACCIO_VERSION = "6.8.0";
const NODE_FETCH = "2.7.0";
const PACKAGE = {
  private: true,
  dependencies: { verdaccio: VERDACCIO_VERSION },
  overrides: { "node-fetch": NODE_FETCH, "node-fetch-cjs": `npm:node-fetch@${NODE_FETCH}` },
};
const VERDACCIO = join(DIRECTORY, "node_modules/verdaccio/bin/verdaccio");

/** Programs and the Debian packages that install them. */
const DEBIAN = { nginx: "nginx", wrk: "wrk", "docker-registry": "docker-registry", pgbench: "postgresql-contrib" };

/**
 * Returns the path of a program that a peer needs, if it is installed. Debian puts servers where a
 * user's PATH does not look.
 */
export function programPath(name: keyof typeof DEBIAN | "node"): string | undefined {
  return Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }) ?? undefined;
}

/** Returns the command that starts Verdaccio, if it is installed. */
export function verdaccioCommand(): string[] | undefined {
  const node = programPath("node");
  return node === undefined || !existsSync(VERDACCIO) ? undefined : [node, VERDACCIO];
}

async function run(command: readonly string[], cwd?: string): Promise<void> {
  console.log(command.join(" "));
  // With RUNLEVEL=1 Debian's packages start no service.
  const env = { ...process.env, RUNLEVEL: "1", DEBIAN_FRONTEND: "noninteractive" };
  const child = Bun.spawn([...command], {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdout: "inherit",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
}

async function installPrograms(): Promise<void> {
  const names = ["nginx", "wrk", "docker-registry", "pgbench"] as const;
  const missing = names.filter((name) => programPath(name) === undefined).map((name) => DEBIAN[name]);
  if (missing.length === 0) return;
  const command = ["apt-get", "install", "-y", "--no-install-recommends", ...missing];
  if (process.getuid?.() === 0 && Bun.which("apt-get") !== null) return run(command);
  console.log(`To be installed by somebody who may: ${command.join(" ")}`);
}

/** Installs the peers and the load generators. */
export async function installPeers(): Promise<void> {
  await installPrograms();
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(join(DIRECTORY, "package.json"), `${JSON.stringify(PACKAGE, null, 2)}\n`);
  await run(["npm", "install", "--no-audit", "--no-fund"], DIRECTORY);
}
