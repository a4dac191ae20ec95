import { join } from "node:path";
import { DurableDirectories } from "../blobs/durable-directories.ts";
import { openFileStore } from "../blobs/file-store.ts";
import { prepareIncoming } from "../blobs/incoming.ts";
import type { FaultReport } from "../blobs/s3-bucket.ts";
import type { BlobStore } from "../blobs/store.ts";
import type { StorageConfig } from "../config/storage.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import type { Logger } from "../runtime/logger.ts";
import { startStep } from "./start-step.ts";
import { systemClock } from "./system-clock.ts";

/**
 * Opens a store of archives. Uploads on their way to S3, and archives on their way from it, are in
 * `dataDir/packages/incoming`, which `prepare` makes ready. Throws `ConfigError` if a directory
 * cannot be written.
 */
export async function openBlobs(
  storage: StorageConfig,
  dataDir: string,
  logger: Logger,
  failpoints: Failpoints,
  prepare: (incomingDir: string) => Promise<void> = prepareIncoming,
): Promise<BlobStore> {
  if (storage.kind === "files") {
    const { directory } = storage;
    // The log's files are beside `packages/`, not in it: a backup copies `packages/`, and the copy
    // of the checkpoint must not come back together with an old database.
    const open = () => openFileStore(directory, failpoints, prepare, dataDir);
    return startStep("DATA_DIR", `${directory} cannot be written`, open);
  }
  const incomingDir = join(dataDir, "packages", "incoming");
  await startStep("DATA_DIR", `${incomingDir} cannot be written`, async () => {
    await new DurableDirectories(join(dataDir, "packages"), failpoints).ensure(incomingDir);
    await prepare(incomingDir);
  });
  // Imported on demand: a registry on files does not need it.
  const { openS3Store } = await import("../blobs/s3-store.ts");
  const report: FaultReport = (method, { code }) => logger.warn("storage_fault", { method, code });
  return openS3Store(storage, { incomingDir, report, failpoints, clock: systemClock });
}
