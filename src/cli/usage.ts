/**
 * The command line is wrong. `topic` names the command or group whose help explains it; when left
 * out, it is the command that runs.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";

  constructor(
    message: string,
    readonly topic?: string,
  ) {
    super(message);
  }
}

/** Reads an option that counts something, of at most three digits. Throws `UsageError`. */
export function countOption(flag: string, text: string, max: number): number {
  const count = Number(/^\d{1,3}$/.test(text) ? text : Number.NaN);
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`${flag} needs a number from 1 to ${max}.`);
}
