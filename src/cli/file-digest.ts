import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { UsageError } from "./usage.ts";

/** Returns the SHA-256 of a file in hex, or undefined if there is nothing of that name. */
export async function fileDigest(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new UsageError(`${path} exists and is not a file. Name another directory with --output.`);
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("hex");
}
