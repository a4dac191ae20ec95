import { type Checkpoint, checkpointOfNote, cosign } from "../tlog/checkpoint.ts";
import { verifyConsistency } from "../tlog/merkle.ts";
import { type SignerKey, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { parseSubmission, type Submission } from "../tlog/submission.ts";

/** The last checkpoint that a witness cosigned of each log, kept beyond its process. */
export interface WitnessedLogs {
  /** Runs `work` while nobody else reads or keeps the checkpoint of this log. */
  locked<T>(origin: string, work: () => Promise<T>): Promise<T>;
  /** The signed note; undefined before the first. */
  last(origin: string): Promise<string | undefined>;
  /** Durable when it returns. */
  keep(origin: string, checkpoint: string): Promise<void>;
}

export interface Witness {
  readonly signer: SignerKey;
  /** Of the logs it watches; the name of a log's key is its origin. */
  readonly logs: readonly VerifierKey[];
  readonly witnessed: WitnessedLogs;
  readonly clock: () => Date;
}

/** What is answered: by its status, in the words of the specification. */
export type WitnessAnswer =
  | { readonly status: 200; readonly cosignature: string }
  /** Where the witness is, so that the sender can prove from there. */
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422 };

/**
 * Answers add-checkpoint (c2sp.org/tlog-witness): cosigns a checkpoint that a watched log signed and that only adds to
 * the last one cosigned. 400, 403, 404, 409 and 422 as the specification has them; after any of them nothing changed.
 */
export async function addCheckpoint(witness: Witness, body: string): Promise<WitnessAnswer> {
  const submission = parseSubmission(body);
  const offered = checkpointOfNote(submission?.checkpoint ?? "");
  if (submission === undefined || offered === undefined) return { status: 400 };
  const keys = witness.logs.filter(({ name }) => name === offered.origin);
  if (keys.length === 0) return { status: 404 };
  const verified = verifyNote(submission.checkpoint, keys);
  if (verified === undefined) return { status: 403 };
  if (submission.oldSize > offered.size) return { status: 400 };
  return witness.witnessed.locked(offered.origin, () => judge(witness, submission, offered, verified.text));
}

async function judge(
  { signer, witnessed, clock }: Witness,
  { oldSize, proof, checkpoint }: Submission,
  { origin, size, root }: Checkpoint,
  text: string,
): Promise<WitnessAnswer> {
  const last = checkpointOfNote((await witnessed.last(origin)) ?? "");
  if (oldSize !== (last?.size ?? 0)) return { status: 409, size: last?.size ?? 0 };
  if (last !== undefined) {
    if (size === oldSize && !last.root.equals(root)) return { status: 409, size: last.size };
    if (!verifyConsistency(proof, last.size, last.root, size, root)) return { status: 422 };
  } else if (proof.length > 0) {
    return { status: 422 };
  }
  await witnessed.keep(origin, checkpoint);
  return { status: 200, cosignature: cosign(text, signer, clock()) };
}
