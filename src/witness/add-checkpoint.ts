import { type Checkpoint, checkpointOfNote, cosign, parseCheckpoint } from "../tlog/checkpoint.ts";
import { verifyConsistency } from "../tlog/merkle.ts";
import { type SignerKey, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { parseSubmission, type Submission } from "../tlog/submission.ts";

/** The durable store of the last checkpoint that a witness cosigned of each log. */
export interface WitnessedLogs {
  /** Runs `work` while no other work reads or stores the checkpoint of this log. */
  locked<T>(origin: string, work: () => Promise<T>): Promise<T>;
  /** Returns the last signed note, or undefined before the first one. */
  last(origin: string): Promise<string | undefined>;
  /** Stores a signed note. It is durable when this returns. */
  store(origin: string, checkpoint: string): Promise<void>;
}

/** A witness of transparency logs. */
export interface Witness {
  readonly signer: SignerKey;
  /** The keys of the logs that it watches. The name of a log's key is the origin of the log. */
  readonly logs: readonly VerifierKey[];
  readonly witnessed: WitnessedLogs;
  readonly clock: () => Date;
}

/** The response to add-checkpoint, by its HTTP status in the specification. */
export type WitnessAnswer =
  | { readonly status: 200; readonly cosignature: string }
  /**
   * `size` is the size that the witness cosigned last, so that the client can prove consistency
   * from there.
   */
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422 };

/**
 * Handles add-checkpoint (c2sp.org/tlog-witness). It cosigns a checkpoint if a watched log signed
 * it and if its tree extends the tree cosigned last. Otherwise it returns 400, 403, 404, 409 or 422
 * as specified, and changes nothing.
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
  { signer, logs, witnessed, clock }: Witness,
  { oldSize, proof, checkpoint }: Submission,
  { origin, size, root }: Checkpoint,
  text: string,
): Promise<WitnessAnswer> {
  const last = lastOf(await witnessed.last(origin), origin, logs);
  if (oldSize !== (last?.size ?? 0)) return { status: 409, size: last?.size ?? 0 };
  if (last !== undefined) {
    if (size === oldSize && !last.root.equals(root)) return { status: 409, size: last.size };
    if (!verifyConsistency(proof, last.size, last.root, size, root)) return { status: 422 };
  } else if (proof.length > 0) {
    return { status: 422 };
  }
  await witnessed.store(origin, checkpoint);
  return { status: 200, cosignature: cosign(text, signer, clock()) };
}

/** The stored checkpoint of a log is damaged. The operator must put it back. */
class WitnessedCheckpointError extends Error {
  override readonly name = "WitnessedCheckpointError";
}

/**
 * Returns the checkpoint that was cosigned last, or undefined if none was. Throws
 * `WitnessedCheckpointError` if it is stored and damaged. Taking it for the first time that the
 * witness sees this log would let the log fork.
 */
function lastOf(note: string | undefined, origin: string, logs: readonly VerifierKey[]): Checkpoint | undefined {
  if (note === undefined) return undefined;
  const keys = logs.filter(({ name }) => name === origin);
  const last = parseCheckpoint(verifyNote(note, keys)?.text ?? "");
  if (last?.origin === origin) return last;
  throw new WitnessedCheckpointError(
    `the stored checkpoint of ${origin} is damaged; if the log's key was replaced, give the key that signed it, too, with --log`,
  );
}
