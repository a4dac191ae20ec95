import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { failure } from "../../src/errors.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { checkTotals } from "../../src/maintenance/check-totals.ts";
import { countTotals } from "../../src/metrics/registry-totals.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256, signMessage } from "../support/client.ts";
import { onBothDatabases, overriding, startRegistry, type TestRegistry } from "../support/registry.ts";
import { HOUR_MS, pathOf, plant, runOffline } from "./scene.ts";

const key = makeKey();

function archiveOf(name: string): Uint8Array {
  return makePackage({ name, version: "1.0.0" });
}

async function publishAll(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) expect((await client.publish(name, "1.0.0", archiveOf(name), key)).status).toBe(201);
}

async function fsck(registry: TestRegistry, ...args: string[]) {
  const { exitCode, stdout, stderr } = await runOffline(registry, "fsck", "--json", ...args);
  expect(stderr).toBe("");
  return { exitCode, ...JSON.parse(stdout) };
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** Changes the row of the only version of a package. */
function changeRow({ deps: { db } }: TestRegistry, name: string, change: { signature?: string; size?: number }) {
  return db.write(({ query, tables: { versions } }) =>
    query
      .update(versions)
      .set(change)
      .where(eq(versions.sha256, sha256(archiveOf(name)))),
  );
}

async function loseContents({ deps: { db } }: TestRegistry, name: string): Promise<void> {
  await db.write(async ({ query, tables: { versions, versionContents } }) => {
    const [row] = await query
      .select()
      .from(versions)
      .where(eq(versions.sha256, sha256(archiveOf(name))));
    await query.delete(versionContents).where(eq(versionContents.versionId, row?.id ?? 0));
  });
}

onBothDatabases("fsck", (registry) => {
  const store = () => join(registry().dataDir, "packages");
  const blobOf = (name: string) => pathOf(store(), sha256(archiveOf(name)));

  test("fsck finds no problem in a healthy registry with signatures of several schemes", async () => {
    const alice = await newAccount(registry());
    await publishAll(alice, ["whole"]);
    const archive = archiveOf("older");
    const publicKey = key.publicHex;
    for (const [version, scheme, message] of [
      ["1.0.0", "ed25519-archive", archive],
      ["1.0.1", "ed25519-sha256-hex", sha256(makePackage({ name: "older", version: "1.0.1" }))],
    ] as const) {
      const bytes = makePackage({ name: "older", version });
      const fields = { archive: bytes, signature: signMessage(key, message), publicKey, signatureScheme: scheme };
      expect((await alice.publishFields(fields)).status).toBe(201);
    }
    expect(await fsck(registry())).toMatchObject({
      exitCode: 0,
      checked: 3,
      problems: [],
      orphans: { count: 0, bytes: 0 },
    });
    const { exitCode, stdout } = await runOffline(registry(), "fsck");
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/^Checked 3 versions \(.*\) in .*: no problems\.\n$/),
    ]);
  });

  /** Makes the metrics say that there is this much more than there is. */
  const overstate = (by: number) =>
    registry().deps.db.write(({ query, tables: { registryTotals } }) =>
      query.update(registryTotals).set({
        packages: sql`${registryTotals.packages} + ${by}`,
        versions: sql`${registryTotals.versions} - ${by}`,
        storageBytes: sql`${registryTotals.storageBytes} + ${by}`,
      }),
    );

  test("fsck names wrong totals of the metrics, and corrects them only with --repair", async () => {
    const { db } = registry().deps;
    await overstate(2);
    const { counted, kept } = await db.read(countTotals);
    const totals = { kept, counted, repaired: false };
    expect(kept.packages).toBe(counted.packages + 2);
    expect(await fsck(registry())).toMatchObject({ exitCode: 1, problems: [], totals });
    expect((await db.read(countTotals)).kept).toEqual(kept);
    const { exitCode, stdout } = await runOffline(registry(), "fsck", "--repair");
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`There are ${counted.packages} packages, `)]);
    expect((await db.read(countTotals)).kept).toEqual(counted);
    expect(await fsck(registry(), "--repair")).toMatchObject({ exitCode: 0, totals: "right" });
  });

  test("fsck corrects the totals while packages are published, and loses none of them", async () => {
    const { db } = registry().deps;
    const alice = await newAccount(registry());
    const publishing = Array.from({ length: 12 }, (_, at) => publishAll(alice, [`counted-${at}`]));
    const correcting = Array.from({ length: 4 }, async (_, at) => {
      await publishing[3 * at];
      await overstate(at + 1);
      await checkTotals(db, true);
    });
    await Promise.all([...publishing, ...correcting]);
    const { kept, counted } = await db.read(countTotals);
    expect(kept).toEqual(counted);
  });

  test("fsck reports orphans and foreign files, which are no problems", async () => {
    await plant(store(), new TextEncoder().encode("an old orphan"), 2 * HOUR_MS);
    await plant(store(), new TextEncoder().encode("perhaps in flight"), 0);
    await writeFile(join(store(), "sha256", "stray"), "not in a directory");
    const digest = sha256(archiveOf("whole"));
    await writeFile(join(store(), "sha256", digest.slice(0, 2), "stray"), "x");
    expect(await fsck(registry())).toMatchObject({
      exitCode: 0,
      problems: [],
      orphans: { count: 1, bytes: 13 },
      foreign: [`${digest.slice(0, 2)}/stray`],
    });
  });

  test("fsck finds each kind of damage, repairs what it can, and finds none after the rest was published again", async () => {
    const alice = await newAccount(registry());
    const names = ["flipped", "cut", "lost", "badly-signed", "badly-sized", "hollow", "intact"];
    await publishAll(alice, names);
    const { rows } = await registry().deps.db.read(async ({ query, tables: { versions } }) => ({
      rows: await query.select().from(versions),
    }));
    const sizeOf = (name: string) => rows.find((row) => row.sha256 === sha256(archiveOf(name)))?.size ?? 0;
    const signatureOf = (name: string) => rows.find((row) => row.sha256 === sha256(archiveOf(name)))?.signature ?? "";
    await flipByte(blobOf("flipped"));
    await truncate(blobOf("cut"), 10);
    await rm(blobOf("lost"));
    await changeRow(registry(), "badly-signed", { signature: signatureOf("intact") });
    await changeRow(registry(), "badly-sized", { size: 1 });
    await loseContents(registry(), "hollow");

    const found = await fsck(registry());
    const kinds = found.problems.map((problem: { package: string; problem: string }) => [
      problem.package,
      problem.problem,
    ]);
    expect([found.exitCode, kinds.sort()]).toEqual([
      1,
      [
        ["badly-signed", "signature_invalid"],
        ["badly-sized", "size_mismatch"],
        ["cut", "blob_corrupt"],
        ["flipped", "blob_corrupt"],
        ["hollow", "contents_missing"],
        ["lost", "blob_missing"],
      ],
    ]);
    const table = await runOffline(registry(), "fsck");
    expect(table.exitCode).toBe(1);
    expect(table.stdout).toMatch(/^PROBLEM +PACKAGE +VERSION +DIGEST +DETAIL\n/);
    expect(table.stdout).toContain(sha256(archiveOf("cut")));
    expect(table.stdout).toContain("storage copy --from file:<backup>/archives --to FileSystem");
    expect(table.stdout).toMatch(/: 6 problems\.\n/);

    const repaired = await fsck(registry(), "--repair");
    expect(repaired).toMatchObject({ exitCode: 1, repaired: 1, setAside: 2, problemCount: 6 });
    expect([existsSync(blobOf("flipped")), existsSync(blobOf("cut"))]).toEqual([false, false]);
    expect(readdirSync(join(store(), "corrupt")).length).toBe(2);
    expect((await alice.get("/api/packages/flipped/1.0.0/download")).body.code).toBe("blob_missing");
    expect((await alice.get("/api/packages/hollow/1.0.0/readme")).text).toBe("# hollow\n");
    const left = (await fsck(registry())).problems.map((problem: { package: string }) => problem.package).sort();
    expect(left).toEqual(["badly-signed", "badly-sized", "cut", "flipped", "lost"]);

    for (const name of ["cut", "flipped", "lost"]) {
      expect((await alice.publish(name, "1.0.0", archiveOf(name), key)).status).toBe(200);
    }
    await changeRow(registry(), "badly-signed", { signature: signatureOf("badly-signed") });
    await changeRow(registry(), "badly-sized", { size: sizeOf("badly-sized") });
    // The repair took the wrong size into the totals.
    expect(await fsck(registry(), "--repair")).toMatchObject({ exitCode: 0, problems: [] });
    expect(await fsck(registry())).toMatchObject({ exitCode: 0, totals: "right" });
  });

  test("contents that fsck --repair rebuilt equal those of the publish", async () => {
    const alice = await newAccount(registry());
    await publishAll(alice, ["rebuilt"]);
    const answers = () =>
      Promise.all(
        ["files", "readme", "manifest", "values"].map(
          async (part) => (await alice.get(`/api/packages/rebuilt/1.0.0/${part}`)).text,
        ),
      );
    const before = await answers();
    await loseContents(registry(), "rebuilt");
    expect(await fsck(registry(), "--repair")).toMatchObject({ exitCode: 0, repaired: 1, problemCount: 1 });
    expect(await answers()).toEqual(before);
  });

  test("fsck reports an unreadable archive only after a second attempt failed too", async () => {
    const { deps } = registry();
    const digest = sha256(archiveOf("whole"));
    const failing = (times: number) => {
      let left = times;
      return overriding(deps.blobs, {
        withFile: (asked, use) => {
          left -= asked === digest ? 1 : 0;
          if (asked === digest && left >= 0) return Promise.reject(failure({ code: "storage_timeout" }));
          return deps.blobs.withFile(asked, use);
        },
      });
    };
    const options = { repair: true, report: () => undefined };
    const once = await checkStore({ ...deps, blobs: failing(1) }, options);
    expect(once.problems.items).toEqual([]);
    const always = await checkStore({ ...deps, blobs: failing(2) }, options);
    expect(always.problems.items).toMatchObject([
      { problem: "unreadable", package: "whole", detail: expect.stringContaining("storage_timeout") },
    ]);
  });

  test("fsck and publishes at the same time do not disturb each other", async () => {
    const alice = await newAccount(registry());
    let running = true;
    const publishing = (async () => {
      let count = 0;
      for (; running; count += 1) await publishAll(alice, [`meanwhile-${count}`]);
      return count;
    })();
    const found = await fsck(registry());
    running = false;
    expect(found).toMatchObject({ exitCode: 0, problems: [] });
    expect(await publishing).toBeGreaterThan(0);
  });
});

test("fsck checks the versions of all pages", async () => {
  const registry = await startRegistry("sqlite");
  try {
    const alice = await newAccount(registry);
    const archive = archiveOf("many");
    // This scheme signs the archive alone, so one signature is valid for every version.
    const signature = signMessage(key, Buffer.from(sha256(archive), "hex"));
    expect((await alice.publishFields({ archive, signature, publicKey: key.publicHex })).status).toBe(201);
    const { db } = registry.deps;
    await db.write(async ({ query, tables: { versions, versionContents } }) => {
      const [first] = await query.select().from(versions);
      if (first === undefined) throw new Error("nothing published");
      const { id: _, ...row } = first;
      for (let patch = 1; patch <= 1_100; patch += 1) {
        const version = `2.0.${patch}`;
        const copy = { ...row, version, versionKey: version };
        const [made] = await query.insert(versions).values(copy).returning();
        const contents = { versionId: made?.id ?? 0, manifestText: "", readme: null, valuesText: null, files: [] };
        await query.insert(versionContents).values(contents);
      }
    });
    const reports: number[] = [];
    const found = await checkStore(registry.deps, { repair: false, report: ({ done }) => reports.push(done) });
    expect([found.checked.count, found.problems.items, reports.at(-1)]).toEqual([1_101, [], 1_101]);
  } finally {
    await registry.stop();
  }
});
