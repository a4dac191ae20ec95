import { createHash } from "node:crypto";
import { mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../blobs/durable-directories.ts";
import { errorCode } from "../errors.ts";
import { noFailpoints } from "../runtime/failpoints.ts";
import { KeyedMutex } from "../runtime/semaphore.ts";
import type { WitnessedLogs } from "./add-checkpoint.ts";

const WAITING_MAX = 1_000;

/**
 * Stores the last checkpoint of each log as a file in `directory`. Only one witness at a time may
 * use the directory.
 */
export async function openWitnessedFiles(directory: string): Promise<WitnessedLogs> {
  await mkdir(directory, { recursive: true });
  const mutex = new KeyedMutex(WAITING_MAX);
  const pathOf = (origin: string) =>
    join(directory, `${createHash("sha256").update(origin).digest("hex").slice(0, 32)}.checkpoint`);
  return {
    locked: (origin, work) => mutex.run(origin, work),
    async last(origin) {
      try {
        return await readFile(pathOf(origin), "utf8");
      } catch (cause) {
        if (errorCode(cause) !== "ENOENT") throw cause;
        return undefined;
      }
    },
    async store(origin, checkpoint) {
      const written = `${pathOf(origin)}.${crypto.randomUUID()}`;
      try {
        await writeFile(written, checkpoint, { flag: "wx", flush: true });
        await rename(written, pathOf(origin));
      } catch (cause) {
        await unlink(written).catch(() => undefined);
        throw cause;
      }
      await syncDirectory(directory, noFailpoints);
    },
  };
}
