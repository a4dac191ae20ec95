import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { durationText, parseDuration } from "../../src/cli/duration.ts";
import { progressBar, progressText } from "../../src/cli/progress.ts";
import { bytesText, tableText } from "../../src/cli/table.ts";
import { inTemporaryDirectory } from "../binary/executable.ts";
import { runCommand } from "./scene.ts";

describe("texts for operators", () => {
  test("durations are parsed and formatted", () => {
    expect(["90s", "30m", "24h", "7d", "0s"].map((text) => parseDuration("--grace", text))).toEqual([
      90_000, 1_800_000, 86_400_000, 604_800_000, 0,
    ]);
    for (const text of ["", "24", "h", "-1h", "1.5h", "1w", "24 h", "9999999s"]) {
      expect(() => parseDuration("--grace", text)).toThrow("--grace must be a time");
    }
    expect([400, 12_000, 86_400_000].map(durationText)).toEqual(["0.4 s", "12 s", "24 h"]);
  });

  test("byte counts and tables are formatted, and control characters are escaped", () => {
    expect([0, 812, 1_000, 12_345_678, 1.4e9].map(bytesText)).toEqual([
      "0 bytes",
      "812 bytes",
      "1.0 kB",
      "12 MB",
      "1.4 GB",
    ]);
    const rows = [
      ["A", "LONG"],
      ["bell\u0007\u001b[31m", "x"],
    ];
    expect(tableText(rows)).toBe(`${"A".padEnd(21)}LONG\nbell\\u{7}\\u{1b}[31m  x`);
  });

  test("a progress bar on a terminal is drawn at most ten times a second and removed at the end", async () => {
    const written: string[] = [];
    const stream = { isTTY: true, columns: 80, write: (text: string) => written.push(text) };
    const bar = progressBar("fsck", false, stream);
    for (let done = 0; done < 1_000; done += 1) bar.report({ done, total: 1_000, bytes: done });
    // The bar reads the time itself: one tenth of a second has to pass.
    await Bun.sleep(120);
    bar.report({ done: 410, total: 1_000, bytes: 1_000_000 });
    bar.end();
    expect(written.length).toBe(2);
    expect(written[0]).toStartWith("\r\u001b[Kfsck  [=");
    expect(written[0]).toMatch(/fsck {2}\[=+> +\] {2}41 % {2}410\/1000 {2}.*\/s {2}eta /);
    expect(written[1]).toBe("\r\u001b[K");
    expect(progressText("gc", { done: 12, bytes: 34_000 }, 1_000)).toBe("gc  12  34 kB  34 kB/s");
  });

  test("a progress bar with --json writes nothing, and without a terminal nothing in the first seconds", () => {
    const written: string[] = [];
    for (const [quiet, isTTY] of [
      [true, true],
      [false, false],
    ] as const) {
      const bar = progressBar("gc", quiet, { isTTY, write: (text) => written.push(text) });
      for (let done = 0; done < 100; done += 1) bar.report({ done, bytes: 1 });
      bar.end();
    }
    expect(written).toEqual([]);
  });
});

describe("the command line", () => {
  test("help <command> and <command> --help print the same text and exit with 0", async () => {
    const [help, option] = [await runCommand({}, "help", "gc"), await runCommand({}, "gc", "--help")];
    expect([help.exitCode, help.stderr, help.stdout]).toEqual([0, "", option.stdout]);
    expect(help.stdout).toStartWith("Usage: cpm-registry gc [options]\n");
  });

  test("--version and -V print what version prints", async () => {
    const { stdout } = await runCommand({}, "version");
    expect((await runCommand({}, "--version")).stdout).toBe(stdout);
    expect((await runCommand({}, "-V")).stdout).toBe(stdout);
  });

  test.each([
    [["fsk"], "Unknown command 'fsk'. Did you mean fsck?\nSee: cpm-registry help\n"],
    [
      ["gc", "--grace", "soon"],
      "--grace must be a time such as 90s, 30m, 24h or 7d, not 'soon'.\nSee: cpm-registry gc --help\n",
    ],
    [["fsck", "--repiar"], "fsck has no option --repiar. Did you mean --repair?\nSee: cpm-registry fsck --help\n"],
  ])("%p exits with 64 and names the help to read", async (args, message) => {
    const { exitCode, stderr, stdout } = await runCommand({}, ...args);
    expect([exitCode, stdout, stderr]).toEqual([64, "", message]);
  });

  test.each(["gc", "fsck"])("%s without a database fails and creates no database and no directory", (command) =>
    inTemporaryDirectory(async (home) => {
      const { exitCode, stderr } = await runCommand({ DATA_DIR: join(home, "data") }, command);
      expect([exitCode, stderr]).toEqual([
        1,
        `cpm-registry ${command} failed: There is no database at ${join(home, "data", "registry.db")}. Run the command with the settings of the registry: --config <file>, or DATA_DIR=<directory>, or in the directory where it was started. If it never ran, start it once. Check that this user may read the directory.\n`,
      ]);
      expect(readdirSync(home)).toEqual([]);
    }),
  );

  test("a database that does not answer is reported in one line without its password", () =>
    inTemporaryDirectory(async (home) => {
      const env = { DATA_DIR: home, DATABASE_URL: "postgres://cpm:a-password@127.0.0.1:1/cpm" };
      const { exitCode, stderr } = await runCommand(env, "fsck");
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        "DATABASE_URL Postgres on 127.0.0.1 cannot be used: nothing listens there (ECONNREFUSED)",
      );
      expect(stderr).not.toContain("a-password");
    }));

  test("a missing table is reported in one line without a stack", () =>
    inTemporaryDirectory(async (home) => {
      expect((await runCommand({ DATA_DIR: home }, "migrate")).exitCode).toBe(0);
      const database = new Database(join(home, "registry.db"));
      database.run("DROP TABLE blob_removals");
      database.close();
      const { exitCode, stderr } = await runCommand({ DATA_DIR: home }, "gc");
      expect([exitCode, stderr]).toEqual([1, "cpm-registry gc failed: no such table: blob_removals\n"]);
      expect(existsSync(join(home, "jwt.key"))).toBe(false);
    }));
});
