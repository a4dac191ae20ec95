import { generatePassword } from "../accounts/generate-password.ts";
import { terminalPrompt } from "../client/prompt.ts";

/** A password for an account. A generated one must be printed, because nobody knows it. */
export interface NewPassword {
  readonly password: string;
  readonly isGenerated: boolean;
}

/**
 * Reads a password from the first line of standard input, or generates one. Throws `ClientFault` if
 * the line is empty.
 */
export async function newPassword(fromStdin: boolean): Promise<NewPassword> {
  if (!fromStdin) return { password: generatePassword(), isGenerated: true };
  const prompt = terminalPrompt({ json: false, yes: false, isContinuousIntegration: false });
  return { password: await prompt.readSecret("Password"), isGenerated: false };
}
