import type { Database } from "../db/database.ts";
import { failure } from "../errors.ts";
import { inclusionProofs } from "../tlog/merkle.ts";
import { readLogChanges } from "./log-changes.ts";
import { nodeReader, readState } from "./log-rows.ts";

/** The changes of the log's key and origin in the API, proved to be in one tree. */
export interface LogChangesView {
  readonly origin: string;
  readonly size: number;
  readonly changes: readonly {
    readonly index: number;
    readonly leaf: string;
    readonly checkpoint: string;
    readonly proof: readonly string[];
  }[];
}

/**
 * Reads the changes of the log's key and origin, each with the checkpoint that the old key signed
 * and the proof that its leaf is in the tree of `asked` leaves, which defaults to the newest.
 * Throws `validation_failed` for a size that the log does not have.
 */
export function readChangesView({ db }: { readonly db: Database }, asked: number | undefined): Promise<LogChangesView> {
  return db.read(async (session) => {
    const { origin, size: newest } = await readState(session);
    const size = asked ?? newest;
    if (size > newest) {
      const fault = { path: "/size", message: `the log has ${newest} leaves` };
      throw failure({ code: "validation_failed", faults: [fault] });
    }
    const rows = (await readLogChanges(session)).filter(({ index }) => index < size);
    const indexes = rows.map(({ index }) => index);
    const proofs = await inclusionProofs(indexes, size, nodeReader(session, size));
    const changes = rows.map((row, at) => ({
      ...row,
      proof: (proofs[at] ?? []).map((hash) => hash.toString("base64")),
    }));
    return { origin, size, changes };
  });
}
