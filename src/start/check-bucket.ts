import { S3Fault } from "../blobs/s3-fault.ts";
import type { BlobStore } from "../blobs/store.ts";
import { ConfigError } from "../config/config.ts";
import type { S3Config } from "../config/storage.ts";
import { startStep } from "./start-step.ts";

/**
 * Writes to the bucket and reads from it. Throws `ConfigError` with the setting to correct if that
 * fails: a registry must not start with a bucket that it cannot use.
 */
export function checkBucket(config: S3Config, blobs: BlobStore): Promise<void> {
  const { bucket, endpoint } = config;
  return startStep("STORAGE_TYPE", `bucket ${bucket} at ${endpoint} cannot be used`, async () => {
    try {
      await blobs.check();
    } catch (cause) {
      throw problemOf(config, cause) ?? cause;
    }
  });
}

function problemOf({ bucket, region }: S3Config, cause: unknown): ConfigError | undefined {
  const fault = cause instanceof Error ? cause.cause : undefined;
  if (!(fault instanceof S3Fault)) return undefined;
  if (fault.region !== undefined && fault.region !== region) {
    const message = `is ${region}, but bucket ${bucket} is in ${fault.region}. Set it to ${fault.region}`;
    return new ConfigError([{ setting: "STORAGE_REGION", message }]);
  }
  if (fault.detail === undefined) return undefined;
  const message = `is not set, and no other credentials can be had. ${fault.detail}`;
  return new ConfigError([{ setting: "STORAGE_ACCESS_KEY", message }]);
}
