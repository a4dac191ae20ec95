import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { inTemporaryDirectory, type Place, runOnce, whileServing } from "../binary/executable.ts";
import { freePort } from "../support/ports.ts";
import { testPostgres } from "../support/postgres.ts";
import { SOURCES } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";

/** The registry from its sources, as a process that runs in a directory. */
function placeIn(cwd: string, env: Record<string, string>): Place {
  return { command: SOURCES, cwd, env: { PATH: process.env.PATH ?? "", HOST: "127.0.0.1", ...env } };
}

/** Runs `use` with the settings of an empty database, which is removed afterwards. */
async function onEmptyDatabase(
  kind: "sqlite" | "postgres",
  use: (cwd: string, env: Record<string, string>) => Promise<void>,
) {
  await inTemporaryDirectory(async (cwd) => {
    if (kind === "sqlite") return use(cwd, {});
    const postgres = await testPostgres();
    const url = await postgres.createDatabase();
    try {
      await use(cwd, { DATABASE_URL: url, JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY });
    } finally {
      await postgres.dropDatabase(url);
    }
  });
}

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`on ${kind}`, () => {
    test("three servers that start concurrently on an empty database all come up", () =>
      onEmptyDatabase(kind, async (cwd, env) => {
        const ready = Promise.withResolvers<void>();
        const statuses: number[] = [];
        const servers = [1, 2, 3].map(async () => {
          const place = placeIn(cwd, { ...env, PORT: String(await freePort()) });
          await whileServing(place, async (url) => {
            statuses.push((await fetch(`${url}/health`)).status);
            if (statuses.length === 3) ready.resolve();
            await ready.promise;
          });
        });
        await Promise.all(servers);
        expect(statuses).toEqual([200, 200, 200]);
      }));

    test("migrate --check exits 1 while migrations are pending and 0 once they are applied", () =>
      onEmptyDatabase(kind, async (cwd, env) => {
        const place = placeIn(cwd, env);
        const before = await runOnce(place, "migrate", "--check", "--json");
        // There is no file of SQLite yet, so this may be the wrong directory.
        if (kind === "sqlite") expect(before.stderr).toContain("There is no database at");
        else expect(JSON.parse(before.stdout)).toMatchObject({ applied: [], changed: [] });
        const again = await runOnce(place, "migrate", "--check");
        const migrated = await runOnce(place, "migrate");
        const after = await runOnce(place, "migrate", "--check");
        expect([before.exitCode, again.exitCode, migrated.exitCode, after.exitCode]).toEqual([1, 1, 0, 0]);
        expect(after.stdout).toContain("up to date");
      }));
  });
}

test("a database of a newer registry is refused with a message that says so", () =>
  onEmptyDatabase("sqlite", async (cwd) => {
    const place = placeIn(cwd, {});
    await runOnce(place, "migrate");
    const database = new Database(`${cwd}/App_Data/registry.db`);
    database.run("INSERT INTO schema_migrations VALUES ('9999_from_the_future', 'x', 'now')");
    database.close();
    const refused = await runOnce(place, "serve");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("9999_from_the_future of a newer cpm-registry");
  }));

test("a server on a taken port fails, and does not share it silently", () =>
  onEmptyDatabase("sqlite", async (cwd) => {
    const place = placeIn(cwd, { PORT: String(await freePort()) });
    await whileServing(place, async () => {
      const second = await runOnce(place, "serve");
      expect(second.exitCode).toBe(1);
      expect(second.stderr).toContain("in use");
    });
  }));

test("all invalid settings are reported in one message, without a secret", () =>
  onEmptyDatabase("sqlite", async (cwd) => {
    const env = { PORT: "x", REGISTRATION: "maybe", JWT_KEY: "hunter2", DATABASE_URL: "mysql://u:s3cret@h/d" };
    const { exitCode, stderr } = await runOnce(placeIn(cwd, env), "serve");
    expect(exitCode).toBe(1);
    for (const setting of Object.keys(env)) expect(stderr).toContain(setting);
    expect(stderr).not.toMatch(/hunter2|s3cret/);
  }));

test("a data directory that cannot be used is refused before the port is opened", () =>
  onEmptyDatabase("sqlite", async (cwd) => {
    await Bun.write(`${cwd}/App_Data/packages`, "a file where the directory of archives should be");
    const { exitCode, stderr } = await runOnce(placeIn(cwd, {}), "serve");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("App_Data/packages");
  }));
