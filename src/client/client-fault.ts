/** How a client command that failed ends. docs/cli.md explains the codes. */
export const EXIT_CODES = {
  /** No, or something is wrong. */
  failed: 1,
  /** The command line is wrong, or a question has no answer. EX_USAGE of sysexits.h. */
  usage: 64,
  /** The registry refuses what it was given. EX_DATAERR. */
  refused: 65,
  /** The registry cannot be reached, or is busy after all tries. EX_UNAVAILABLE. */
  unavailable: 69,
  /** Nobody is logged in, or the account may not do this. EX_NOPERM. */
  denied: 77,
  /** The user pressed Ctrl-C. */
  interrupted: 130,
} as const;

/** The kinds of failures of client commands. */
export type ClientFaultKind = keyof typeof EXIT_CODES;

/** One thing that is wrong with what was sent, or with a file. */
export interface FaultLine {
  readonly path: string;
  readonly message: string;
  readonly code?: string;
}

/** The document that `--json` prints for a failure: the registry's problem, or one in its shape. */
export interface ClientProblem {
  /** Stable. Codes of the registry are kept; those of the client begin with `client_`. */
  readonly code: string;
  /** What happened and what to do next. */
  readonly detail: string;
  readonly status?: number;
  readonly title?: string;
  readonly requestId?: string;
  readonly errors?: readonly FaultLine[];
}

/** An expected failure of a client command. Its message says what to do next. */
export class ClientFault extends Error {
  override readonly name = "ClientFault";

  constructor(
    readonly kind: ClientFaultKind,
    readonly problem: ClientProblem,
  ) {
    super(problem.detail);
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }
}

/** Makes a failure that the client itself found. */
export function clientFault(
  kind: ClientFaultKind,
  code: `client_${string}`,
  detail: string,
  errors?: readonly FaultLine[],
) {
  return new ClientFault(kind, errors === undefined ? { code, detail } : { code, detail, errors });
}
