import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";

/** Allows a name although it resembles a popular one. Safe to repeat. */
export async function allowName(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  name: PackageName,
): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    const { allowedNames } = session.tables;
    const made = await session.query
      .insert(allowedNames)
      .values({ name, createdAt: now })
      .onConflictDoNothing()
      .returning();
    if (made.length > 0) await recordEvent(session, origin, "name.allowed", now, { packageName: name });
  });
}
