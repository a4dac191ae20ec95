import { FAILPOINTS } from "../../src/failpoints.ts";

/** The steps of a publish on files, in their order. */
export const FILE_POINTS = FAILPOINTS.filter((point) => point !== "blob.uploaded" && !point.startsWith("sync."));
