/** Loaded before every test file (bunfig.toml), also by a bare `bun test`: Bun's own five seconds are too few. */
import { setDefaultTimeout } from "bun:test";
import { hashCheaply } from "./password-cost.ts";

// The first test on Postgres waits for the server too, and a busy machine makes everything slower.
setDefaultTimeout(60_000);
hashCheaply();
