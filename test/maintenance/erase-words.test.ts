import { expect, test } from "bun:test";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { readState } from "../../src/log/log-rows.ts";
import { readDetails } from "../../src/log/read-tile.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { eraseWords } from "../../src/maintenance/erase-words.ts";
import { takeDown } from "../../src/moderation/take-down.ts";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { yankLeaf } from "../../src/tlog/leaf.ts";
import { TILE_WIDTH } from "../../src/tlog/tile.ts";
import { newAccount } from "../support/client.ts";
import { startRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { publish } from "./takedown-scene.ts";

/* test/maintenance/takedown.test.ts takes versions down while their leaves are the newest. */

test("a takedown erases the words of a yank from a full bundle, and keeps those of other versions", async () => {
  const registry = await startRegistry("sqlite");
  try {
    const { deps } = registry;
    const { db, blobs } = deps;
    const ada = await newAccount(registry);
    for (const version of ["1.0.0", "1.1.0"]) {
      await publish(ada, "wordy", version);
      const yank = { reason: "broken", message: `words of ${version}` };
      expect((await ada.send("DELETE", `/api/packages/wordy/${version}`, yank)).status).toBe(200);
    }
    const leaf = yankLeaf({ name: "wordy", version: "9.9.9", seq: 1, action: "yank", by: "ada" });
    await db.write((session) => deps.log.append(session, Array(TILE_WIDTH).fill(leaf)));
    const isCopied = async () => (await blobs.readSidecar(CHECKPOINT_COPY)) === (await db.read(readState)).checkpoint;
    await waitUntil(isCopied, "the bundle is beside the archives");
    await takeDown(deps, OPERATOR, packageNameParam("wordy"), "1.1.0", { reason: "policy", reference: "case 1" });
    const places = async () => [
      await db.read((session) => readDetails(session, { level: "entries", index: 0, width: TILE_WIDTH })),
      (await blobs.readSidecar("recovery/tile/entries/000")) ?? "",
    ];
    for (const text of await places()) expect(text).toContain("words of 1.1.0");
    await eraseWords(deps);
    for (const text of await places()) {
      expect(text).toContain("words of 1.0.0");
      expect(text).not.toContain("words of 1.1.0");
      expect(text.split("\n")).toHaveLength(TILE_WIDTH);
      expect(JSON.parse(text.split("\n")[3] ?? "")).toMatchObject({ reason: "broken" });
    }
  } finally {
    await registry.stop();
  }
});
