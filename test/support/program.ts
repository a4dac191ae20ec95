import { resolve } from "node:path";

/** The registry from its sources. An executable takes no FAILPOINTS. */
export const SOURCES: readonly string[] = [process.execPath, resolve(import.meta.dir, "../../src/main.ts")];

/**
 * The registry as a process: the executable, which scripts/test.ts builds for a whole run, because it starts in a third
 * of the time (0.1 s of a core instead of 0.33); in a part of a run its sources.
 */
export const PROGRAM: readonly string[] = process.env.TEST_PROGRAM ? [process.env.TEST_PROGRAM] : SOURCES;
