import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SETTINGS } from "../../src/config/settings.ts";

const DIRECTORY = resolve(import.meta.dir, "../../deploy/systemd");
const SERVICES = ["cpm-registry.service", "cpm-registry-backup.service"];
const TIMER = "cpm-registry-backup.timer";
const hasSystemd = Bun.which("systemd-analyze") !== null;
if (!hasSystemd) console.log("There is no systemd-analyze: the unit of systemd is not checked.");

/** Runs systemd-analyze on a unit and returns its exit code and everything that it printed. */
function analyze(...args: string[]): { readonly exitCode: number; readonly output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", "--no-pager", ...args], { stdin: "ignore" });
  return { exitCode, output: `${stdout}${stderr}` };
}

const security = (unit: string) => analyze("security", "--offline=yes", "--threshold=19", unit);

const textOf = (name: string) => readFileSync(join(DIRECTORY, name), "utf8");

function withUnits(change: (text: string) => string, work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "cpm-unit-"));
  try {
    for (const name of [...SERVICES, TIMER]) writeFileSync(join(directory, name), change(textOf(name)));
    work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.skipIf(!hasSystemd)("the units of systemd", () => {
  test.each(SERVICES)("have an exposure below 2, and have not without their system call filter: %s", (name) => {
    expect(security(join(DIRECTORY, name))).toEqual({
      exitCode: 0,
      output: expect.stringContaining("Overall exposure level"),
    });
    const weaken = (text: string) => text.replace(/^(SystemCallFilter|CapabilityBoundingSet)=.*$/gm, "");
    withUnits(weaken, (directory) => expect(security(join(directory, name)).exitCode).not.toBe(0));
  });

  test("are understood by systemd whole", () => {
    withUnits(
      (text) => text.replace("/usr/local/bin/cpm-registry", "/bin/true"),
      (directory) => {
        const units = [...SERVICES, TIMER].map((name) => join(directory, name));
        expect(analyze("verify", ...units)).toEqual({ exitCode: 0, output: "" });
      },
    );
  });
});

test.each(SERVICES)("the units of systemd set only settings of the registry and of Bun: %s", (name) => {
  const lines = textOf(name).matchAll(/^Environment=(.*)$/gm);
  const names = [...lines].flatMap(([, text = ""]) => text.split(" ").map((word) => word.split("=")[0] ?? ""));
  expect(names).toContain("DATA_DIR");
  const others = ["BUN_JSC_forceRAMSize", "UV_THREADPOOL_SIZE"];
  expect(names.filter((one) => !(one in SETTINGS) && !others.includes(one))).toEqual([]);
});

test("the backup has the settings of the service and is as confined", () => {
  const linesOf = (name: string) => new Set(textOf(name).split("\n"));
  const own = linesOf("cpm-registry-backup.service");
  const confined =
    /^(User|Group|EnvironmentFile|Environment=DATA_DIR|UMask|Protect|Private|Restrict|Capability|SystemCall)/;
  const lacking = [...linesOf("cpm-registry.service")].filter((line) => confined.test(line) && !own.has(line));
  expect(lacking).toEqual([]);
});
