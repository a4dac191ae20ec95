import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../errors.ts";
import { Gate } from "../gate.ts";
import type { WitnessedLogs } from "./add-checkpoint.ts";

const WAITING_MAX = 1_000;

/** Keeps the last checkpoint of each log as a file of `directory`, which one witness at a time may use. */
export async function openWitnessedFiles(directory: string): Promise<WitnessedLogs> {
  await mkdir(directory, { recursive: true });
  const gates = new Map<string, Gate>();
  const pathOf = (origin: string) =>
    join(directory, `${createHash("sha256").update(origin).digest("hex").slice(0, 32)}.checkpoint`);
  return {
    locked(origin, work) {
      const gate = gates.get(origin) ?? new Gate(1, WAITING_MAX);
      gates.set(origin, gate);
      return gate.run(work);
    },
    async last(origin) {
      try {
        return await readFile(pathOf(origin), "utf8");
      } catch (cause) {
        if (errorCode(cause) !== "ENOENT") throw cause;
        return undefined;
      }
    },
    async keep(origin, checkpoint) {
      const written = `${pathOf(origin)}.${crypto.randomUUID()}`;
      try {
        await writeFile(written, checkpoint, { flag: "wx", flush: true });
        await rename(written, pathOf(origin));
      } catch (cause) {
        await unlink(written).catch(() => undefined);
        throw cause;
      }
      const handle = await open(directory, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}
