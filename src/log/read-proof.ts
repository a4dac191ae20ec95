import type { Database } from "../db/database.ts";
import { failure } from "../errors.ts";
import { consistencyProof } from "../tlog/merkle.ts";
import { nodeReader, readState } from "./log-rows.ts";

type ReadDeps = { readonly db: Database };

/** A consistency proof of the API, with hashes in base64. */
export interface ConsistencyView {
  readonly from: number;
  readonly to: number;
  readonly proof: readonly string[];
}

/**
 * Reads the proof that the tree of `from` leaves is a prefix of the tree of `asked` leaves (RFC
 * 6962 §2.1.2). `asked` defaults to the newest tree. Throws `validation_failed` for a size that the
 * log does not have, or if `from` is the larger one.
 */
export function readConsistency({ db }: ReadDeps, from: number, asked: number | undefined): Promise<ConsistencyView> {
  return db.read(async (session) => {
    const { size } = await readState(session);
    const to = asked ?? size;
    const faults = [
      ...(to > size ? [{ path: "/to", message: `the log has ${size} leaves` }] : []),
      ...(from > to ? [{ path: "/from", message: `must be at most ${to}, the value of to` }] : []),
    ];
    if (faults.length > 0) throw failure({ code: "validation_failed", faults });
    const proof = await consistencyProof(from, to, nodeReader(session, to));
    return { from, to, proof: proof.map((hash) => hash.toString("base64")) };
  });
}
