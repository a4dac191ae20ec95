import type { Database } from "../db/database.ts";
import { failure } from "../errors.ts";
import { consistencyProof, inclusionProof } from "../tlog/merkle.ts";
import { formatProof } from "../tlog/proof.ts";
import { nodeReader, readState } from "./log-rows.ts";
import { readLeaf } from "./read-tile.ts";

type ReadDeps = { readonly db: Database };

/**
 * Reads the proof that a version is in the log, against the newest checkpoint
 * (c2sp.org/tlog-proof). A client that has the log's verifier key checks the proof offline. `extra`
 * is the leaf; the hashes of the proof cover it.
 */
export async function readVersionProof({ db }: ReadDeps, { logIndex }: { readonly logIndex: number | null }) {
  if (logIndex === null) throw new Error("A version is not in the log");
  return db.read(async (session) => {
    const { size, checkpoint } = await readState(session);
    const hashes = await inclusionProof(logIndex, size, nodeReader(session, size));
    return formatProof({ index: logIndex, hashes, checkpoint, extra: await readLeaf(session, logIndex, size) });
  });
}

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
