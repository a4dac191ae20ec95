import type { Database } from "../db/database.ts";
import { failure } from "../errors.ts";
import { consistencyProof, inclusionProof } from "../tlog/merkle.ts";
import { formatProof } from "../tlog/proof.ts";
import { nodeReader, readState } from "./log-rows.ts";
import { readLeaf } from "./read-tile.ts";

type ReadDeps = { readonly db: Database };

/**
 * Reads the proof that a version is in the log, against its newest checkpoint (c2sp.org/tlog-proof): whoever has the
 * log's verifier key checks it without asking anybody. Its `extra` is the leaf, which the proof's own hashes vouch for.
 */
export async function readVersionProof({ db }: ReadDeps, { logIndex }: { readonly logIndex: number | null }) {
  if (logIndex === null) throw new Error("A version is not in the log");
  return db.read(async (session) => {
    const { size, checkpoint } = await readState(session);
    const hashes = await inclusionProof(logIndex, size, nodeReader(session, size));
    return formatProof({ index: logIndex, hashes, checkpoint, extra: await readLeaf(session, logIndex, size) });
  });
}

/** A consistency proof as the API shows it: hashes in base64. */
export interface ConsistencyView {
  readonly from: number;
  readonly to: number;
  readonly proof: readonly string[];
}

/**
 * Reads the proof that the tree of one size is the beginning of that of another, of the newest where `asked` is left out
 * (RFC 6962 §2.1.2). Throws `validation_failed` for sizes that the log has not, or in the wrong order.
 */
export function readConsistency({ db }: ReadDeps, from: number, asked: number | undefined): Promise<ConsistencyView> {
  return db.read(async (session) => {
    const { size } = await readState(session);
    const to = asked ?? size;
    const faults = [
      ...(to > size ? [{ path: "/to", message: `the log has ${size} leaves` }] : []),
      ...(from > to ? [{ path: "/from", message: `must not be greater than to, ${to}` }] : []),
    ];
    if (faults.length > 0) throw failure({ code: "validation_failed", faults });
    const proof = await consistencyProof(from, to, nodeReader(session, to));
    return { from, to, proof: proof.map((hash) => hash.toString("base64")) };
  });
}
