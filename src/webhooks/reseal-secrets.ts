import { and, eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { openSecret, sealSecret } from "./secret.ts";

/**
 * Encrypts anew, with the present JWT_KEY, every secret that was encrypted with the previous one,
 * so that the previous one can be dropped. A secret that neither opens stays as it is.
 */
export async function resealSecrets({ db, jwtKeys }: Pick<Deps, "db" | "jwtKeys">): Promise<void> {
  if (jwtKeys.reveal().length === 1) return;
  const rows = await db.read(({ query, tables: { webhooks } }) =>
    query.select({ id: webhooks.id, sealedSecret: webhooks.sealedSecret }).from(webhooks),
  );
  for (const { id, sealedSecret } of rows) {
    const opened = openSecret(jwtKeys, id, sealedSecret);
    if (opened === undefined || opened.isCurrent) continue;
    const resealed = sealSecret(jwtKeys, id, opened.secret);
    await db.write(({ query, tables: { webhooks } }) =>
      query
        .update(webhooks)
        .set({ sealedSecret: resealed })
        .where(and(eq(webhooks.id, id), eq(webhooks.sealedSecret, sealedSecret))),
    );
  }
}
