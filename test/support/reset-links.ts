import { OPERATOR } from "../../src/audit/record-event.ts";
import { resetPasswordByLink } from "../../src/moderation/reset-password.ts";
import type { TestRegistry } from "./registry.ts";

/** Makes a reset link of an account as an operator does, and returns its token. */
export async function newResetLink(
  { deps }: Pick<TestRegistry, "deps">,
  username: string | undefined,
  hours = 24,
): Promise<string> {
  const { link } = await resetPasswordByLink(deps, OPERATOR, username ?? "", { hours, retireKeys: false });
  return link.token;
}
