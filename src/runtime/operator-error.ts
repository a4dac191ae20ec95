/**
 * A command cannot do what it was asked for. The message tells the operator why and what to do; it
 * continues the name of the command.
 */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
}
