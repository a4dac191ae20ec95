import { heading, progress, report, residentMb } from "./measure.ts";
import { buildBinary, startBinary, withDirectory } from "./registry.ts";

const ROUNDS = 15;
const START_GOAL_MS = 250;
const IDLE_GOAL_MB = 90;
/**
 * The time after which the process counts as idle: migrations are done and the collector has run.
 */
const SETTLE_MS = 3_000;

interface Sample {
  readonly startMs: number;
  readonly idleMb: number | undefined;
}

async function sample(dataDir: string, settle: boolean): Promise<Sample> {
  const { startMs, pid, stop } = await startBinary(dataDir);
  try {
    if (settle) await Bun.sleep(SETTLE_MS);
    return { startMs, idleMb: settle ? residentMb(pid) : undefined };
  } finally {
    await stop();
  }
}

/** Measures the executable from its start to its first answer on SQLite, and its idle memory. */
export async function benchStart(): Promise<void> {
  buildBinary();
  await withDirectory(async (dataDir) => {
    const first = await sample(dataDir, false);
    const started: number[] = [];
    const idle: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      progress(`round ${round} of ${ROUNDS}`);
      const { startMs, idleMb } = await sample(dataDir, round % 3 === 0);
      started.push(startMs);
      if (idleMb !== undefined) idle.push(idleMb);
    }
    progress();
    console.log(heading());
    report("start, empty directory (makes database)", [first.startMs], "ms", "");
    report("start to first answer", started, "ms", `< ${START_GOAL_MS} ms`);
    if (idle.length > 0) report("idle memory (resident)", idle, "MB", `< ${IDLE_GOAL_MB} MB`);
  });
}
