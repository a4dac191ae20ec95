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
