import { generatePassword } from "../accounts/generate-password.ts";

/** The longest password has 1,024 characters of at most four bytes. */
const STDIN_MAX_BYTES = 8_192;

/** A password for an account. A generated one must be printed, because nobody knows it. */
export interface NewPassword {
  readonly password: string;
  readonly isGenerated: boolean;
}

/** Reads a password from the first line of standard input, or generates one. */
export async function newPassword(fromStdin: boolean): Promise<NewPassword> {
  if (fromStdin) return { password: await firstLine(), isGenerated: false };
  return { password: generatePassword(), isGenerated: true };
}

async function firstLine(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    size += chunk.length;
    if (chunk.includes(0x0a) || size > STDIN_MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8").split(/\r?\n/, 1)[0] ?? "";
}
