import { setReadOnly } from "../../src/log/read-only.ts";
import type { TestRegistry } from "./registry.ts";
import { waitUntil } from "./wait-until.ts";

/** As `cpm-registry admin read-only` does: on for a reason, off if it is undefined. Waits until the server follows. */
export async function switchReadOnly({ deps }: TestRegistry, reason: string | undefined): Promise<void> {
  await setReadOnly(deps, reason);
  await waitUntil(() => deps.readOnly.refusesWrites === (reason !== undefined), "the server follows the mode");
}
