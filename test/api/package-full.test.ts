import { beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { LONG_MANIFEST_BYTES, LONG_MANIFESTS_MAX_BYTES } from "../../src/domain/limits.ts";
import { takeDown } from "../../src/moderation/take-down.ts";
import { packageNameParam } from "../../src/packages/find-package.ts";
import type { Registry as Deps } from "../../src/start/open-deps.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, overriding, type TestRegistry, tracesOf } from "../support/registry.ts";

/* One document has the manifests of all versions of a package, so their total size is bounded. */

/** Of two bytes each, so that bytes and characters differ. */
const LONG = "ü".repeat(900);

/** Runs between a precheck, which found room, and the transaction. */
let meanwhile: (() => Promise<unknown>) | undefined;

function override({ blobs }: Deps): Partial<Deps> {
  const put: Deps["blobs"]["put"] = async (received) => {
    await blobs.put(received);
    const happens = meanwhile;
    meanwhile = undefined;
    await happens?.();
  };
  return { blobs: overriding(blobs, { put }) };
}

function describeFull(registry: () => TestRegistry): void {
  const key = makeKey();
  let alice: Client;
  const publish = (name: string, version: string, description = "short") =>
    alice.publish(name, version, makePackage({ name, version, description }), key);

  beforeAll(async () => {
    alice = await newAccount(registry());
  });

  /** Returns the bytes in the package's row, and the bytes that its versions take. */
  const bytesOf = (name: string) =>
    registry().deps.db.read(async ({ query, tables: { packages, versions } }) => {
      const [row] = await query.select().from(packages).where(eq(packages.name, name));
      const rows = await query
        .select()
        .from(versions)
        .where(eq(versions.packageId, row?.id ?? 0));
      const sizes = rows.map(
        ({ manifest, warnings }) =>
          Buffer.byteLength(JSON.stringify(manifest) + JSON.stringify(warnings)) - LONG_MANIFEST_BYTES,
      );
      return { counted: row?.longManifestBytes, taken: sizes.reduce((sum, size) => sum + Math.max(0, size), 0) };
    });

  const setBytes = (name: string, longManifestBytes: number) =>
    registry().deps.db.write(({ query, tables: { packages } }) =>
      query.update(packages).set({ longManifestBytes }).where(eq(packages.name, name)),
    );

  test("counts the long part of each version's manifest, wherever it is", async () => {
    const taken: number[] = [];
    const steps = [
      ["1.0.0", "short"],
      ["2.0.0", LONG],
      ["1.5.0", LONG],
      ["3.0.0-rc.1", LONG],
      ["3.0.0", "short"],
    ] as const;
    for (const [version, description] of steps) {
      expect((await publish("growing", version, description)).status).toBe(201);
      const bytes = await bytesOf("growing");
      expect(bytes.counted).toBe(bytes.taken);
      taken.push(bytes.taken);
    }
    expect(taken).toEqual([0, 1, 2, 3, 3].map((times) => times * (taken[1] ?? 0)));
    expect(taken[1]).toBeGreaterThan(700);
    // A change of versions other than a publish.
    expect((await alice.send("DELETE", "/api/packages/growing/3.0.0", { reason: "broken" })).status).toBe(200);
    expect((await bytesOf("growing")).counted).toBe(taken[4] ?? 0);
  });

  test("counts warnings too, of which an archive can have many", async () => {
    const calls = '{{ env "A" }}{{ expandenv "B" }}{{ getHostByName "c" }}';
    const names = Array.from({ length: 12 }, (_, n) => `templates/${"long-".repeat(15)}${n}`);
    const files = Object.fromEntries(names.map((name) => [name, calls]));
    const archive = makePackage({ name: "warned", version: "1.0.0", files });
    expect((await alice.publish("warned", "1.0.0", archive, key)).status).toBe(201);
    const { counted, taken } = await bytesOf("warned");
    expect(counted).toBe(taken);
    expect(taken).toBeGreaterThan(5_000);
  });

  test("has its own count where many packages are published at the same time", async () => {
    const names = Array.from({ length: 12 }, (_, n) => `together-${n}`);
    for (const version of ["2.0.0", "1.0.0", "1.1.0"]) {
      const answers = await Promise.all(
        names.map((name, n) => publish(name, version, n % 3 === 0 ? "short" : LONG + "x".repeat(n))),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    }
    for (const [n, name] of names.entries()) {
      const { counted, taken } = await bytesOf(name);
      expect([name, counted, taken > 0]).toEqual([name, taken, n % 3 !== 0]);
    }
  });

  test("takes long manifests up to its bound, and short ones always", async () => {
    await publish("full", "1.0.0", LONG);
    const { taken } = await bytesOf("full");
    await setBytes("full", LONG_MANIFESTS_MAX_BYTES - taken + 1);
    const before = await tracesOf(registry());
    const refused = await publish("full", "2.0.0", LONG);
    expectProblem(refused, 409, "package_full");
    expect(await tracesOf(registry())).toEqual(before);
    expect(refused.body.detail).toContain(`${LONG_MANIFEST_BYTES} bytes`);
    expect((await alice.get("/api/packages/full/2.0.0")).status).toBe(404);
    expect((await bytesOf("full")).counted).toBe(LONG_MANIFESTS_MAX_BYTES - taken + 1);
    expect((await publish("full", "2.0.0")).status).toBe(201);
    expect((await publish("full", "1.0.0", LONG)).status).toBe(200);
    await setBytes("full", LONG_MANIFESTS_MAX_BYTES - taken);
    expect((await publish("full", "3.0.0", LONG)).status).toBe(201);
    expect((await bytesOf("full")).counted).toBe(LONG_MANIFESTS_MAX_BYTES);
    expect((await publish("full", "4.0.0")).status).toBe(201);
  });

  test("has the room of a version again that an administrator took down, once", async () => {
    await publish("freed", "1.0.0", LONG);
    await publish("freed", "2.0.0", LONG);
    await publish("freed", "3.0.0");
    const { taken } = await bytesOf("freed");
    const why = { reason: "legal", reference: "case 1" } as const;
    for (const version of ["1.0.0", "1.0.0", "3.0.0"]) {
      await takeDown(registry().deps, OPERATOR, packageNameParam("freed"), version, why);
      expect(await bytesOf("freed")).toEqual({ counted: taken / 2, taken: taken / 2 });
    }
  });

  test("refuses in the transaction a version that the precheck found room for", async () => {
    await publish("raced", "1.0.0", LONG);
    const { taken } = await bytesOf("raced");
    const full = LONG_MANIFESTS_MAX_BYTES - taken + 1;
    meanwhile = () => setBytes("raced", full);
    expectProblem(await publish("raced", "2.0.0", LONG), 409, "package_full");
    expect(meanwhile).toBeUndefined();
    expect((await alice.get("/api/packages/raced/2.0.0")).status).toBe(404);
    expect(await bytesOf("raced")).toEqual({ counted: full, taken });
  });

  test("takes as many of simultaneous versions as there is room for", async () => {
    await publish("crowded", "1.0.0", LONG);
    const { taken } = await bytesOf("crowded");
    await setBytes("crowded", LONG_MANIFESTS_MAX_BYTES - 2 * taken);
    const versions = ["1.1.0", "1.2.0", "1.3.0", "2.0.0", "2.1.0", "2.2.0"];
    const answers = await Promise.all(versions.map((version) => publish("crowded", version, LONG)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    for (const answer of answers) if (answer.status === 409) expectProblem(answer, 409, "package_full");
    expect(await bytesOf("crowded")).toEqual({ counted: LONG_MANIFESTS_MAX_BYTES, taken: 3 * taken });
  });
}

onBothDatabases("a package whose manifests are long", describeFull, { override });
