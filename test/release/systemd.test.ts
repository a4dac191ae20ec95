import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SETTINGS } from "../../src/config/settings.ts";

const UNIT = resolve(import.meta.dir, "../../deploy/systemd/cpm-registry.service");
const hasSystemd = Bun.which("systemd-analyze") !== null;
if (!hasSystemd) console.log("There is no systemd-analyze: the unit of systemd is not checked.");

/** Runs systemd-analyze on a unit and returns its exit code and everything that it printed. */
function analyze(...args: string[]): { readonly exitCode: number; readonly output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", "--no-pager", ...args], { stdin: "ignore" });
  return { exitCode, output: `${stdout}${stderr}` };
}

const security = (unit: string) => analyze("security", "--offline=yes", "--threshold=19", unit);

describe.skipIf(!hasSystemd)("the unit of systemd", () => {
  test("has an exposure below 2, and one without its system call filter has not", () => {
    expect(security(UNIT)).toEqual({ exitCode: 0, output: expect.stringContaining("Overall exposure level") });
    const directory = mkdtempSync(join(tmpdir(), "cpm-unit-"));
    try {
      const weaker = join(directory, "cpm-registry.service");
      writeFileSync(weaker, readFileSync(UNIT, "utf8").replace(/^(SystemCallFilter|CapabilityBoundingSet)=.*$/gm, ""));
      expect(security(weaker).exitCode).not.toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("is understood by systemd whole", () => {
    const directory = mkdtempSync(join(tmpdir(), "cpm-unit-"));
    try {
      const unit = join(directory, "cpm-registry.service");
      writeFileSync(unit, readFileSync(UNIT, "utf8").replace("/usr/local/bin/cpm-registry", "/bin/true"));
      expect(analyze("verify", unit)).toEqual({ exitCode: 0, output: "" });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

test("the unit of systemd sets only settings of the registry and of Bun", () => {
  const lines = readFileSync(UNIT, "utf8").matchAll(/^Environment=(.*)$/gm);
  const names = [...lines].flatMap(([, text = ""]) => text.split(" ").map((word) => word.split("=")[0] ?? ""));
  expect(names).toContain("DATA_DIR");
  const others = ["BUN_JSC_forceRAMSize", "UV_THREADPOOL_SIZE"];
  expect(names.filter((name) => !(name in SETTINGS) && !others.includes(name))).toEqual([]);
});
