import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { blobKey } from "../../src/blobs/store.ts";
import { parsePostgresConnection } from "../../src/config/connection.ts";
import { openDatabase } from "../../src/db/open.ts";
import { parseDigest } from "../../src/domain/digest.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, sha256 } from "../support/client.ts";
import { startFakeS3 } from "../support/fake-s3.ts";
import { testPostgres } from "../support/postgres.ts";
import { startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

test("an archive that is published again on S3 while fsck sets the damaged one aside is stored afterwards", async () => {
  const fake = await startFakeS3();
  const registry = await startRegistry("sqlite", { env: fake.settings() });
  try {
    const publisher = await newAccount(registry);
    const key = makeKey();
    const archive = makePackage({ name: "mended", version: "1.0.0", files: { "noise.bin": randomBytes(300_000) } });
    const publish = async () => (await publisher.publish("mended", "1.0.0", archive, key)).status;
    expect(await publish()).toBe(201);
    const digest = parseDigest(sha256(archive));
    const object = digest && fake.objects.get(blobKey(digest));
    if (object === undefined) throw new Error("The archive is not in the bucket");
    object.bytes[1_000] = (object.bytes[1_000] ?? 0) ^ 1;
    // Long enough for a publish on a busy machine. If the blob is removed between its PUT and the
    // read that checks it, the publish is answered with 502.
    fake.fail({ method: "PUT", key: /corrupt/, times: 1, how: { slowMs: 1_500 } });
    const repairing = checkStore(registry.deps, { repair: true, report: () => undefined });
    const isMoving = () => fake.requests.some((request) => request.key.includes("corrupt/"));
    await waitUntil(isMoving, "fsck sets the archive aside");
    expect(await publish()).toBe(200);
    expect((await repairing).setAside).toBe(1);
    const downloaded = await fetch(`${registry.url}/api/packages/mended/1.0.0/download`);
    expect([downloaded.status, sha256(await downloaded.bytes())]).toEqual([200, sha256(archive)]);
  } finally {
    await registry.stop();
    await fake.stop();
  }
});

test("every statement sees what was committed when it began, whatever the isolation default of the database", async () => {
  const postgres = await testPostgres();
  const url = await postgres.createDatabase();
  const connection = parsePostgresConnection(url);
  if (typeof connection === "string") throw new Error("not a connection");
  const isolationOf = async () => {
    const db = await openDatabase({ kind: "postgres", connection });
    try {
      return await db.write((session) => session.rows(sql`SELECT current_setting('transaction_isolation') AS level`));
    } finally {
      await db.close();
    }
  };
  try {
    const db = await openDatabase({ kind: "postgres", connection });
    const { database } = connection;
    await db.read(({ rows }) =>
      rows(sql`ALTER DATABASE ${sql.identifier(database)} SET default_transaction_isolation = 'repeatable read'`),
    );
    await db.close();
    expect(await isolationOf()).toEqual([{ level: "read committed" }]);
  } finally {
    await postgres.dropDatabase(url);
  }
});
