import { FAILPOINTS } from "../../src/runtime/failpoints.ts";

/** The steps of a publish on files, in their order, and of the copy of the checkpoint. */
export const FILE_POINTS = FAILPOINTS.filter((point) => point !== "blob.uploaded" && !point.startsWith("sync."));

/** Where the log is committed or not, and told or not. */
export const LOG_POINTS = FILE_POINTS.filter((point) => /^(log|sidecar)\./.test(point));
