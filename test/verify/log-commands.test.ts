import { expect, test } from "bun:test";
import { readState } from "../../src/log/log-rows.ts";
import { openLog } from "../../src/log/open-log.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { formatVerifierKey, parseSignerKey, signNote, verifierOf } from "../../src/tlog/note.ts";
import { onBothDatabases, TEST_LOG_KEY } from "../support/registry.ts";
import { runBeside, runCommand } from "../upkeep/scene.ts";

const signer = parseSignerKey(TEST_LOG_KEY);
if (signer === undefined) throw new Error("the test's key is none");

test("log key tells the verifier key of the settings, and log make-key makes one for an origin", async () => {
  expect((await runCommand({}, "log", "key")).stdout.trim()).toBe(formatVerifierKey(verifierOf(signer)));
  const { stdout } = await runCommand({}, "log", "make-key", "cpm.example.org/log");
  expect(parseSignerKey(stdout.trim())?.name).toBe("cpm.example.org/log");
  expect((await runCommand({}, "log", "make-key", "two words")).exitCode).toBe(64);
});

onBothDatabases("log accept-rollback", (registry) => {
  test("shows both sizes, and with --yes the registry may write again; the old checkpoint is kept", async () => {
    const { deps } = registry();
    const longer = signNote(formatCheckpoint({ origin: signer.name, size: 9, root: Buffer.alloc(32) }), signer);
    await deps.blobs.writeNote(CHECKPOINT_COPY, longer);
    expect((await openLog(deps, signer)).rollback?.publishedSize).toBe(9);

    const shown = await runBeside(registry(), "log", "accept-rollback", "--json");
    expect([shown.exitCode, JSON.parse(shown.stdout)]).toEqual([
      1,
      { publishedSize: 9, foundSize: 0, accepted: false },
    ]);
    expect(await deps.blobs.readNote(CHECKPOINT_COPY)).toBe(longer);

    expect((await runBeside(registry(), "log", "accept-rollback", "--yes")).exitCode).toBe(0);
    expect(await deps.blobs.readNote(CHECKPOINT_COPY)).toBe((await deps.db.read(readState)).checkpoint);
    expect(await deps.blobs.readNote("log/checkpoint-before-rollback")).toBe(longer);
    expect((await openLog(deps, signer)).rollback).toBeUndefined();
  });
});
