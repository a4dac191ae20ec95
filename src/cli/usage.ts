/** The command line does not name a thing this program can do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
