import { decodeBase64, parseDecimal } from "./encoding.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";
import { cosignatureLine, parseNote, type SignerKey } from "./note.ts";

/* Checkpoints of c2sp.org/tlog-checkpoint, which are the texts of notes that logs sign. */

/** The state of a log at one moment. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  /** Extension lines, which other logs may add. Absent if there are none. */
  readonly extensions?: readonly string[];
}

/**
 * Formats the text of a checkpoint, to be signed. Throws RangeError for values that
 * `parseCheckpoint` would refuse.
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const text = textOf(checkpoint);
  if (parseCheckpoint(text) === undefined) throw new RangeError(`no checkpoint: ${JSON.stringify(text)}`);
  return text;
}

function textOf({ origin, size, root, extensions = [] }: Checkpoint): string {
  return [origin, String(size), root.toString("base64"), ...extensions].map((line) => `${line}\n`).join("");
}

/** Parses the text of a note as a checkpoint. Returns undefined if it is malformed. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = "", sizeLine = "", rootLine = "", ...rest] = text.split("\n");
  const extensions = rest.slice(0, -1);
  const size = parseDecimal(sizeLine);
  const root = decodeBase64(rootLine);
  if (origin === "" || size === undefined || root?.length !== HASH_BYTES) return undefined;
  if (rest.at(-1) !== "" || extensions.includes("")) return undefined;
  return { origin, size, root, ...(extensions.length > 0 && { extensions }) };
}

/**
 * Returns the checkpoint of a note without checking its signatures. Returns undefined if the note
 * has no checkpoint.
 */
export function checkpointOfNote(note: string | Uint8Array): Checkpoint | undefined {
  return parseCheckpoint(parseNote(note)?.text ?? "");
}

/**
 * Returns the signature line of a witness. It states that the witness saw the checkpoint at `time`
 * and that the checkpoint was consistent with all earlier ones. Throws RangeError for a text that
 * is no checkpoint.
 */
export function cosign(checkpointText: string, witness: SignerKey, time: Date): string {
  if (parseCheckpoint(checkpointText) === undefined) throw new RangeError("only checkpoints are cosigned");
  return cosignatureLine(checkpointText, witness, Math.floor(time.getTime() / 1000));
}
