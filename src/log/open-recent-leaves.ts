import { checkpointOfNote } from "../tlog/checkpoint.ts";
import { type RecentDeps, RecentLeaves } from "./recent-leaves.ts";
import { CHECKPOINT_COPY } from "./rollback-guard.ts";

/** Opens what keeps the newest leaves beside the archives, from those on that no tile has. */
export async function openRecentLeaves(deps: RecentDeps): Promise<RecentLeaves> {
  const copy = await deps.blobs.readSidecar(CHECKPOINT_COPY);
  return new RecentLeaves(deps, checkpointOfNote(copy ?? "")?.size ?? 0);
}
