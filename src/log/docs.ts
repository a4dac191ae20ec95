import { operation } from "../http/operation.ts";

const text = (description: string) => ({ description, mediaType: "text/plain", schema: "Text" });

/* The operations of the log in the OpenAPI document. */
export const logDocs = {
  checkpoint: operation({
    id: "readCheckpoint",
    summary: "The log's newest signed checkpoint",
    description: "c2sp.org/tlog-checkpoint: origin, size and root, signed by the log and cosigned by its witnesses.",
    tag: "log",
    auth: "reader",
    responses: { 200: text("A signed note"), 304: { description: "Unchanged" } },
    problems: [],
  }),
  vkey: operation({
    id: "readVerifierKey",
    summary: "The key that verifies the log's checkpoints",
    description:
      "c2sp.org/signed-note. Fetch it once and keep it. A client that fetches it each time trusts whoever answers.",
    tag: "log",
    auth: "reader",
    responses: { 200: text("The verifier key"), 304: { description: "Unchanged" } },
    problems: [],
  }),
  tile: operation({
    id: "readTile",
    summary: "A tile of hashes, or an entry bundle",
    description: "c2sp.org/tlog-tiles: tile/<level>/<index>, tile/entries/<index>, with .p/<width> for a partial one.",
    tag: "log",
    auth: "reader",
    responses: {
      200: { description: "Hashes or entries", mediaType: "application/octet-stream", schema: "Archive" },
      304: { description: "Unchanged" },
    },
    problems: ["tile_not_found"],
  }),
  consistency: operation({
    id: "readConsistency",
    summary: "The proof that the log of one size is a prefix of the log of another size",
    tag: "log",
    auth: "reader",
    responses: { 200: { description: "The proof", schema: "Consistency" }, 304: { description: "Unchanged" } },
    problems: ["validation_failed"],
  }),
  changes: operation({
    id: "readLogChanges",
    summary: "The changes of the log's key and origin, with their proofs",
    description:
      "How somebody who knows an old key of the log learns the present one. Most logs have none. The formats are in " +
      "docs/log-format.md.",
    tag: "log",
    auth: "reader",
    responses: { 200: { description: "The changes", schema: "LogChanges" }, 304: { description: "Unchanged" } },
    problems: ["validation_failed"],
  }),
};
