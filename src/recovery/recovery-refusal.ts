/** Why a recovery is not possible. Stable codes for `--json`. */
export type RefusalCode =
  | "registry_running"
  | "no_checkpoint"
  | "checkpoint_untrusted"
  | "tile_missing"
  | "tile_damaged"
  | "log_forked"
  | "log_change_invalid"
  | "leaf_unknown"
  | "archives_missing"
  | "archive_damaged"
  | "database_differs";

/** A recovery was refused before it began, or stopped at a leaf. Nothing is half done. */
export class RecoveryRefusal extends Error {
  override readonly name = "RecoveryRefusal";

  /** `message` tells an operator what is wrong and what to do. `items` names what it is about. */
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly items: readonly string[] = [],
  ) {
    super(message);
  }
}
