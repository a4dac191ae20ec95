import { eq } from "drizzle-orm";
import fc from "fast-check";
import { OPERATOR } from "../../src/audit/record-event.ts";
import { Failure } from "../../src/errors.ts";
import { upholdReset } from "../../src/keys/uphold-reset.ts";
import { logStatus } from "../../src/log/log-status.ts";
import { quarantinePackage, quarantineVersion } from "../../src/moderation/quarantine.ts";
import { packageNameParam } from "../../src/packages/find-package.ts";
import { STATUS_REASONS } from "../../src/tlog/status-leaf.ts";
import type { TestRegistry } from "../support/registry.ts";

/* What administrators do to a package in a random history. */

/** The minor number of a version, or null for the whole package. */
const minor = fc.option(fc.nat(3), { nil: null, freq: 2 });
const category = fc.constantFrom(...STATUS_REASONS);

export const MODERATION = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("quarantine" as const), minor, category }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("release" as const), minor }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("takeDown" as const), minor, category }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("uphold" as const) }) },
);
export type Moderation = typeof MODERATION extends fc.Arbitrary<infer T> ? T : never;

/** Returns whether the registry accepted the command. */
export async function moderate({ deps }: TestRegistry, name: string, command: Moderation): Promise<boolean> {
  try {
    await run(deps, name, command);
    return true;
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "version_not_found") return false;
    throw cause;
  }
}

async function run(deps: TestRegistry["deps"], name: string, command: Moderation): Promise<unknown> {
  const named = packageNameParam(name);
  if (command.kind === "uphold") return upholdReset(deps, OPERATOR, named);
  const version = command.minor === null ? null : `1.${command.minor}.0`;
  if (command.kind === "takeDown") return takeDown(deps, name, version, command.category);
  const quarantine =
    command.kind === "release" ? undefined : { reason: `for ${command.category}`, category: command.category };
  if (version === null) return quarantinePackage(deps, OPERATOR, named, quarantine);
  return quarantineVersion(deps, OPERATOR, named, version, quarantine);
}

/** Appends the leaf alone, so that the history of the package goes on after it. */
async function takeDown(
  deps: TestRegistry["deps"],
  name: string,
  version: string | null,
  category: (typeof STATUS_REASONS)[number],
): Promise<void> {
  await deps.db.write(async (session) => {
    const { packages } = session.tables;
    const [row] = await session.query.select().from(packages).where(eq(packages.name, name));
    const subject = { packageId: row?.id ?? 0, name, version: version ?? "*" };
    await logStatus(session, deps, subject, { words: null, action: "remove", category }, deps.clock());
  });
}
