import { decodeBase64, parseDecimal } from "./encoding.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";
import { cosignatureLine, parseNote, type SignerKey } from "./note.ts";

/* Checkpoints of c2sp.org/tlog-checkpoint: the texts of notes that logs sign. */

/** What a log says of itself at one moment. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  /** Lines that other logs may add; absent where there are none. */
  readonly extensions?: readonly string[];
}

/** Writes the text of a checkpoint, to be signed. Throws RangeError for what `parseCheckpoint` would not read. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const text = textOf(checkpoint);
  if (parseCheckpoint(text) === undefined) throw new RangeError(`no checkpoint: ${JSON.stringify(text)}`);
  return text;
}

function textOf({ origin, size, root, extensions = [] }: Checkpoint): string {
  return [origin, String(size), root.toString("base64"), ...extensions].map((line) => `${line}\n`).join("");
}

/** Reads the text of a note as a checkpoint; `undefined` when it is none. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = "", sizeLine = "", rootLine = "", ...rest] = text.split("\n");
  const extensions = rest.slice(0, -1);
  const size = parseDecimal(sizeLine);
  const root = decodeBase64(rootLine);
  if (origin === "" || size === undefined || root?.length !== HASH_BYTES) return undefined;
  if (rest.at(-1) !== "" || extensions.includes("")) return undefined;
  return { origin, size, root, ...(extensions.length > 0 && { extensions }) };
}

/** The checkpoint of a signed note, whoever signed it: nobody's word yet. `undefined` when it is none. */
export function checkpointOfNote(note: string | Uint8Array): Checkpoint | undefined {
  return parseCheckpoint(parseNote(note)?.text ?? "");
}

/**
 * The line by which a witness says that it saw a checkpoint at a time, and that it was consistent with all it saw
 * before. Throws RangeError for any other text.
 */
export function cosign(checkpointText: string, witness: SignerKey, time: Date): string {
  if (parseCheckpoint(checkpointText) === undefined) throw new RangeError("only checkpoints are cosigned");
  return cosignatureLine(checkpointText, witness, Math.floor(time.getTime() / 1000));
}
