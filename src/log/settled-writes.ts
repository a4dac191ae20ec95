import type { Database } from "../db/database.ts";
import type { RecentLeaves } from "./recent-leaves.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/**
 * Returns a database whose writes return only when the leaves that they appended lie beside the
 * archives too (recent-leaves.ts). A write that appended none does not wait, unless another one
 * appended meanwhile.
 */
export function settledWrites(
  db: Database,
  log: Pick<TransparencyLog, "appends">,
  recent: Pick<RecentLeaves, "settle">,
): Database {
  return {
    kind: db.kind,
    condition: db.condition,
    invalidations: db.invalidations,
    read: (work) => db.read(work),
    write: async (work) => {
      const { appends } = log;
      const done = await db.write(work);
      if (log.appends !== appends) await recent.settle();
      return done;
    },
    load: () => db.load(),
    watch: () => db.watch(),
    close: () => db.close(),
  };
}
