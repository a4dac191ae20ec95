import type { BlobStore } from "./blobs/store.ts";
import type { Config } from "./config/config.ts";
import type { JwtKeys } from "./config/jwt-key.ts";
import type { Secret } from "./config/secret.ts";
import type { Database } from "./db/database.ts";
import type { ResponseCache } from "./http/response-cache.ts";
import type { ReadOnlyMode } from "./log/read-only.ts";
import type { TransparencyLog } from "./log/transparency-log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Failpoints } from "./runtime/failpoints.ts";
import type { Logger } from "./runtime/logger.ts";
import type { Tracer } from "./tracing/tracer.ts";

/**
 * What more than one feature needs from outside. What only one feature needs is a type of that
 * feature, such as `PackageServices`. Tests override single members.
 */
export interface Deps {
  readonly config: Config;
  readonly db: Database;
  readonly blobs: BlobStore;
  /** Undefined where not everybody may read: a cached response may be sent to any client. */
  readonly responseCache: ResponseCache | undefined;
  /** The first one signs, and all of them verify. */
  readonly jwtKeys: Secret<JwtKeys>;
  readonly clock: () => Date;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined where no traces are sent. */
  readonly tracer: Tracer | undefined;
  readonly failpoints: Failpoints;
  readonly log: TransparencyLog;
  /** Whether changes are refused now, and why. Pages show it. */
  readonly readOnly: Pick<ReadOnlyMode, "cause" | "refusesWrites" | "requireWritable">;
}
