import { FAILPOINTS } from "../../src/runtime/failpoints.ts";

/**
 * The failpoints of a publish on files, in their order, and those of the copy of the checkpoint.
 */
export const FILE_POINTS = FAILPOINTS.filter(
  (point) => point !== "blob.uploaded" && !/^(sync|webhook|backup|restore|recover|purge)\./.test(point),
);

/** Failpoints at which the log is committed or not, and announced or not. */
export const LOG_POINTS = FILE_POINTS.filter((point) => /^(log|sidecar)\./.test(point));
