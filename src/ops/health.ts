import { sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { VERSION } from "../version.ts";
import { within } from "../within.ts";
import { errorFields } from "./logger.ts";

/** Who asks for health waits a few seconds at most: no answer is an answer. A hung disk or network would give none. */
const CHECK_MAX_MS = 2_000;

type Check = "ok" | "failing";

/** What `/health` answers. */
export interface Health {
  readonly status: "ok" | "unhealthy";
  readonly version: string;
  readonly checks: { readonly database: Check; readonly storage: Check };
}

/** Asks database and storage whether they work. Never throws: what fails or is late is `failing`, and logged. */
export async function checkHealth({ db, blobs, logger }: Pick<Deps, "db" | "blobs" | "logger">): Promise<Health> {
  const probe = async (name: string, work: Promise<unknown>): Promise<Check> => {
    try {
      await within(CHECK_MAX_MS, work);
      return "ok";
    } catch (cause) {
      logger.warn(`${name}_failing`, errorFields(cause));
      return "failing";
    }
  };
  const [database, storage] = await Promise.all([
    probe(
      "database",
      db.read(({ rows }) => rows(sql`SELECT count(*) FROM schema_migrations`)),
    ),
    probe("storage", blobs.check()),
  ]);
  const healthy = database === "ok" && storage === "ok";
  return { status: healthy ? "ok" : "unhealthy", version: VERSION, checks: { database, storage } };
}
