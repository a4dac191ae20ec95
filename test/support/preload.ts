/**
 * Loaded before every test file (bunfig.toml), also by a bare `bun test`, because Bun's default of
 * five seconds is too short.
 */
import { setDefaultTimeout } from "bun:test";
import { hashCheaply } from "./password-cost.ts";

// The first test on Postgres also waits for the server, and a busy machine makes everything slower.
setDefaultTimeout(60_000);
hashCheaply();
