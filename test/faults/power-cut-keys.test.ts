import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newAccount } from "../support/client.ts";
import { newPlace, whileRunning } from "../support/places.ts";
import { SOURCES } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";
import { VKEY } from "../verify/scene.ts";
import { publish } from "./backup-scene.ts";
import { cutDuring, cutWhen } from "./cut-command.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";

/*
 * A power cut of those who trust: a key that a witness printed is configured elsewhere, and whoever
 * checked a log must notice a fork later.
 */

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

/** Starts a witness, cuts the power once it printed its key, and returns that. */
async function printedKey(disk: Disk, output: string): Promise<string> {
  const args = ["witness", "witness.example", "--log", VKEY, "--port", "0", "--data", join(disk.path, "witness")];
  const child = Bun.spawn([...SOURCES, ...args], {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "" },
    stdin: "ignore",
    stdout: Bun.file(output),
    stderr: "inherit",
  });
  const found = () => /LOG_WITNESSES="(\S+) /.exec(readFileSync(output, "utf8"))?.[1];
  await cutWhen(disk, child, () =>
    waitUntil(() => child.exitCode !== null || found() !== undefined, "the witness prints its key"),
  );
  return found() ?? "";
}

test.skipIf(reason !== undefined)(
  "a witness has the key that it printed after a power cut right after its first start",
  async () => {
    const home = mkdtempSync(join(tmpdir(), "cpm-power-cut-keys-"));
    const disk = makeDisk(32);
    try {
      const first = await printedKey(disk, join(home, "first"));
      expect(first).toStartWith("witness.example+");
      expect(await printedKey(disk, join(home, "second"))).toBe(first);
    } finally {
      disk.remove();
      rmSync(home, { recursive: true, force: true });
    }
  },
  120_000,
);

test.skipIf(reason !== undefined)(
  "verify remembers log and keys after a power cut right after its end",
  async () => {
    const place = await newPlace("sqlite");
    const disk = makeDisk(32);
    try {
      await whileRunning(place, async (registry) => {
        await publish(await newAccount(registry), "hello");
        const [kept, cut] = [join(place.dataDir, "home"), join(disk.path, "home")];
        const args = ["verify", "hello@1.0.0", "--registry", registry.url];
        expect(await place.runWith({ CPM_HOME: kept }, ...args)).toMatchObject({ stderr: "", exitCode: 0 });
        const done = await cutDuring(disk, { settings: { CPM_HOME: cut }, args }, "its end");
        expect([done?.stderr, done?.exitCode]).toEqual(["", 0]);
        const remembered = (home: string) =>
          readdirSync(home, { recursive: true })
            .map(String)
            .filter((name) => name.endsWith(".json"))
            .sort();
        expect(remembered(cut)).toEqual(remembered(kept));
        expect(remembered(kept).length).toBeGreaterThan(1);
      });
    } finally {
      await place.remove();
      disk.remove();
    }
  },
  120_000,
);
