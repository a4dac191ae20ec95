import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/* A disk that reports EIO to the registry. A small library between the two makes the errors. */

const home = mkdtempSync(join(tmpdir(), "cpm-failing-disk-"));
const library = join(home, "failing-disk.so");

function reasonAgainstLibrary(): string | undefined {
  if (process.platform !== "linux") return "this needs Linux";
  const source = join(import.meta.dir, "failing-disk.c");
  const { status, error } = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source], { encoding: "utf8" });
  return status === 0 ? undefined : `it cannot be compiled (${error?.message ?? `exit code ${status}`})`;
}

const reason = reasonAgainstLibrary();
if (reason !== undefined) console.warn(`Skipped: no disk fails here, ${reason}`);

afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Failing {
  readonly operation: "fsync" | "write";
  readonly path: string;
  readonly status: number;
  readonly code: string;
  /** What health checks find failing. */
  readonly checks: Readonly<Record<string, string>>;
}

const FAILING: readonly Failing[] = [
  {
    operation: "fsync",
    path: "registry.db-wal",
    status: 503,
    code: "database_unavailable",
    checks: { database: "failing", storage: "ok" },
  },
  {
    operation: "write",
    path: "registry.db-wal",
    status: 503,
    code: "database_unavailable",
    checks: { database: "failing", storage: "ok" },
  },
  {
    operation: "fsync",
    path: "packages/incoming",
    status: 502,
    code: "storage_failed",
    checks: { database: "ok", storage: "failing" },
  },
];

describe.skipIf(reason !== undefined)("a disk that fails", () => {
  for (const [at, { operation, path, status, code, checks }] of FAILING.entries()) {
    test(`${operation} of ${path} answers ${status} ${code}, is not ready, and recovers by itself`, async () => {
      const control = join(home, `disk-${at}`);
      const server: ServerProcess = await prepareServer(`${control}-data`, undefined, {
        LD_PRELOAD: library,
        FAILING_DISK: control,
        FAILING_PATH: path,
      });
      try {
        await server.start();
        const client = await newAccount(server);
        const key = makeKey();
        const publish = (version: string) =>
          client.publish("failing", version, makePackage({ name: "failing", version }), key);
        const guest = new Client(server.url);
        expect((await publish("1.0.0")).status).toBe(201);
        writeFileSync(control, operation);
        for (const version of ["1.1.0", "1.2.0"]) expectProblem(await publish(version), status, code);
        const health = await guest.get("/health/ready");
        expect([health.status, health.body.checks]).toEqual([503, checks]);
        expect((await guest.get("/api/packages/failing/1.0.0/download")).status).toBe(200);
        rmSync(control);
        await waitUntil(async () => (await guest.get("/health/ready")).status === 200, "the registry is ready again");
        expect((await publish("1.3.0")).status).toBe(201);
      } finally {
        await server.remove();
      }
    });
  }
});
