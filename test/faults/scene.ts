import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPostgres } from "../support/postgres.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/**
 * A registry for one fault test, not started yet, and a directory for journals that no fault hits.
 */
export interface Scene {
  readonly server: ServerProcess;
  readonly journals: string;
}

/**
 * Runs `play` with a new registry on a database of a kind. Nothing of it is left afterwards,
 * however `play` ended.
 */
export async function onScene(kind: DatabaseKind, play: (scene: Scene) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-faults-"));
  const postgres = kind === "postgres" ? await testPostgres() : undefined;
  const databaseUrl = await postgres?.createDatabase();
  let server: ServerProcess | undefined;
  try {
    const journals = join(home, "journals");
    mkdirSync(journals);
    server = await prepareServer(join(home, "data"), databaseUrl);
    await play({ server, journals });
  } finally {
    await server?.remove();
    if (databaseUrl !== undefined) await postgres?.dropDatabase(databaseUrl);
    rmSync(home, { recursive: true, force: true });
  }
}

/** Runs `play` and prints the seed if it fails. */
export async function withSeed(seed: number, play: () => Promise<void>): Promise<void> {
  try {
    await play();
  } catch (cause) {
    console.error(`This was seed ${seed}; FAULT_SEED=${seed} runs it alone.`);
    throw cause;
  }
}
