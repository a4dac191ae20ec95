import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Archives } from "../fill/archives.ts";
import { Drafts } from "../fill/drafts.ts";
import { planRegistry } from "../fill/plan.ts";
import { ROOT } from "./registry.ts";

const SEED = 1;

interface Size {
  readonly packages: number;
  readonly versions: number;
}

/** Returns the drafts that `fill` puts into a registry of this size. */
export function draftsOf({ packages, versions }: Size): Drafts {
  return new Drafts(SEED, planRegistry(SEED, packages, versions));
}

/**
 * Fills a new data directory with made packages, on SQLite unless the settings name another
 * database.
 */
export async function fill(
  dataDir: string,
  { packages, versions }: Size,
  archives: Archives,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  mkdirSync(dataDir, { recursive: true });
  const size = ["--packages", String(packages), "--versions", String(versions), "--seed", String(SEED)];
  const command = [process.execPath, join(ROOT, "scripts/fill.ts"), ...size, "--archives", archives];
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: dataDir, ...settings };
  const filling = Bun.spawn(command, { env, cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  if ((await filling.exited) !== 0) throw new Error("Filling the registry failed");
}
