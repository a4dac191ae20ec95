import { type PasswordLogin, requireRegistry, type Session, withSession } from "../client/account.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ClientFault } from "../client/client-fault.ts";
import type { ClientContext } from "./client-context.ts";
import { faultText } from "./client-failure.ts";

/** How often a wrong password is asked for, as other programs do. */
const TRIES = 3;

/** Options of commands that need the password of an account. */
export interface PasswordOptions {
  readonly username: string | undefined;
  readonly "password-stdin": boolean;
  /** Set by `login`: somebody who is logged in may want to use another account now. */
  readonly offersOther?: true;
}

/**
 * Asks for user name and password, or takes what the options say, and logs in for the time of
 * `work`. A wrong password is asked for again at a terminal.
 */
export async function withLogin<T>(
  context: ClientContext,
  client: ApiClient,
  given: PasswordOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { prompt, credentials } = context;
  const asks = prompt.isInteractive && !given["password-stdin"];
  // Nobody should type a password for an address where nobody listens.
  if (asks) await requireRegistry(client);
  const known = (await credentials.of(client.address.origin))?.username;
  for (let tried = 1; ; tried += 1) {
    const login = await passwordLogin(context, client, given, known);
    try {
      return await withSession(client, login, work);
    } catch (cause) {
      const isWrong = cause instanceof ClientFault && cause.problem.code === "invalid_credentials";
      if (!asks || !isWrong || tried === TRIES) throw cause;
      prompt.note(faultText(cause.problem));
    }
  }
}

async function passwordLogin(
  { prompt }: ClientContext,
  { address }: ApiClient,
  given: PasswordOptions,
  known: string | undefined,
): Promise<PasswordLogin> {
  const isChosen = given.username !== undefined || (known !== undefined && given.offersOther !== true);
  const asked = { text: "User name", flag: "--username <name>", ...(known === undefined ? {} : { fallback: known }) };
  const isKnown = isChosen || (known !== undefined && !prompt.isInteractive);
  const username = given.username ?? (isKnown && known !== undefined ? known : await prompt.ask(asked));
  // Somebody may type the password where the user name is asked for. It is not shown again.
  const text = isKnown ? `Password of ${username} at ${address.url}` : `Password at ${address.url}`;
  const password = given["password-stdin"]
    ? await prompt.readSecret("Password")
    : await prompt.askSecret({ text, flag: "--password-stdin" });
  return { username, password };
}
