import { benchDurablePut } from "./durable-put.ts";
import { heading } from "./measure.ts";
import { benchMemory } from "./memory.ts";
import { buildBinary } from "./registry.ts";
import { benchThroughput } from "./throughput.ts";

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  throughput: benchThroughput,
  memory: benchMemory,
  put: benchDurablePut,
};

/** Measures download speed, memory under many large transfers, and the cost of a durable put. */
export async function benchDownload(asked: readonly string[]): Promise<void> {
  const unknown = asked.find((part) => PARTS[part] === undefined);
  if (unknown !== undefined) throw new Error(`No part ${unknown}. There are: ${Object.keys(PARTS).join(", ")}`);
  buildBinary();
  console.log(heading());
  for (const [name, part] of Object.entries(PARTS)) if (asked.length === 0 || asked.includes(name)) await part();
}
