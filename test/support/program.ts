import { resolve } from "node:path";

/** The registry from its sources. An executable ignores FAILPOINTS. */
export const SOURCES: readonly string[] = [process.execPath, resolve(import.meta.dir, "../../src/main.ts")];

/**
 * The registry as a process. A whole run uses the executable that scripts/test.ts builds, because
 * it starts faster. A run of some files uses the sources.
 */
export const PROGRAM: readonly string[] = process.env.TEST_PROGRAM ? [process.env.TEST_PROGRAM] : SOURCES;
