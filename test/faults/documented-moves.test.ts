import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, newAccount } from "../support/client.ts";
import { blocksUnder, type Home, healthOf, inHome, publishHello, stopServer } from "../support/documented-tasks.ts";
import { testPostgres } from "../support/postgres.ts";
import { s3Missing, testS3 } from "../support/s3.ts";

/*
 * Runs the commands of docs/operations.md that move a registry, as they are written, while the
 * registry serves reads.
 */

const PATHS = ["/api/packages", "/api/packages/hello", "/api/packages/hello/0.1.0", "/log/checkpoint", "/api/auth/me"];

async function seen(by: Client): Promise<string[]> {
  const answers: string[] = [];
  for (const path of PATHS) {
    const { status, text, headers } = await by.get(path);
    answers.push(`${path} ${status} ${headers.get("etag")} ${text}`);
  }
  return answers;
}

/** Moves a registry. `settings` are those of the commands before, `after` those of the new place. */
async function move(
  home: Home,
  heading: string,
  settings: Readonly<Record<string, string>>,
  after: () => Readonly<Record<string, string>>,
): Promise<void> {
  const { server, run } = home;
  const [before = "", afterwards = ""] = blocksUnder(heading);
  await server.start(settings);
  const alice = await newAccount(server, "alice");
  expect(await publishHello(alice, "0.1.0")).toBe(201);
  run(before, settings);
  expect(await publishHello(alice, "0.2.0")).toBe(503);
  const answers = await seen(alice);
  await stopServer(server);
  await server.start(after());
  expect(await seen(alice)).toEqual(answers);
  expect(await publishHello(alice, "0.2.0")).toBe(503);
  expect(run(afterwards, after())).toContain("no problems");
  expect(await publishHello(alice, "0.2.0")).toBe(201);
  expect((await healthOf(server)).status).toBe("ok");
  await stopServer(server);
}

test(
  "the documented move to Postgres keeps every answer, and goes on there",
  () =>
    inHome(async (home) => {
      const postgres = await testPostgres();
      const url = await postgres.createDatabase();
      const keyIn = (name: string) => readFileSync(join(home.path, "App_Data", name), "utf8").trim();
      try {
        await move(home, "Move to Postgres", { NEW_DATABASE_URL: url }, () => ({
          DATABASE_URL: url,
          JWT_KEY: keyIn("jwt.key"),
          LOG_SIGNING_KEY: keyIn("log.key"),
        }));
      } finally {
        await home.server.remove();
        await postgres.dropDatabase(url);
      }
    }),
  120_000,
);

test.skipIf(s3Missing !== undefined)(
  "the documented move to S3 keeps every answer, and goes on there",
  () =>
    inHome(async (home) => {
      const s3 = await testS3();
      const bucket = await s3.createBucket();
      try {
        const settings = s3.settings(bucket);
        await move(home, "Move to S3", { ...settings, STORAGE_TYPE: "FileSystem" }, () => settings);
      } finally {
        await home.server.remove();
        await s3.emptyAndDropBucket(bucket);
      }
    }),
  120_000,
);
