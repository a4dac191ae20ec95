import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readOrMakeKeyFile } from "../config/key-file.ts";
import { print } from "../runtime/print.ts";
import { openLogger } from "../start/open-offline.ts";
import { systemClock } from "../start/system-clock.ts";
import {
  COSIGNATURE,
  formatSignerKey,
  formatVerifierKey,
  isKeyName,
  parseSignerKey,
  parseVerifierKey,
  verifierOf,
} from "../tlog/note.ts";
import { serveWitness } from "../witness/server.ts";
import { openWitnessedFiles } from "../witness/witnessed-files.ts";
import { UsageError } from "./usage.ts";

const PORT_MAX = 65_535;

/** Options and argument of `witness`. */
export interface WitnessArguments {
  readonly name: string;
  readonly logs: readonly string[];
  readonly port: string;
  readonly host: string;
  readonly data: string;
}

function signerOf(directory: string, name: string) {
  const path = join(directory, "witness.key");
  const signer = parseSignerKey(readOrMakeKeyFile(path, () => formatSignerKey(name, randomBytes(32), COSIGNATURE)));
  if (signer === undefined || signer.type !== COSIGNATURE)
    throw new UsageError(
      `${path} does not contain the key of a witness. Put the right file back, or choose another --data directory.`,
    );
  if (signer.name !== name)
    throw new UsageError(
      `${path} is the key of ${signer.name}, not of ${name}. Use that name, or another --data directory.`,
    );
  return signer;
}

function portOf(text: string): number {
  const port = Number(/^\d{1,5}$/.exec(text)?.[0] ?? Number.NaN);
  if (!(port <= PORT_MAX)) throw new UsageError(`--port must be a whole number from 0 to ${PORT_MAX}.`);
  return port;
}

/** Runs a witness of logs (c2sp.org/tlog-witness) until SIGTERM or SIGINT. Throws `UsageError`. */
export async function runWitness({ name, logs, port, host, data }: WitnessArguments): Promise<number> {
  if (!isKeyName(name)) throw new UsageError("<name> must be a name without spaces or +, such as example.org/witness.");
  const keys = logs.map((text) => {
    const key = parseVerifierKey(text.trim());
    if (key === undefined)
      throw new UsageError(`--log: ${text} is not the verifier key of a log. Get the key from <registry>/log/vkey.`);
    return key;
  });
  const portNumber = portOf(port);
  const signer = signerOf(data, name);
  const witnessed = await openWitnessedFiles(data);
  const witness = { signer, logs: keys, witnessed, clock: systemClock };
  const server = serveWitness(witness, openLogger("warn"), { hostname: host, port: portNumber });
  print(
    `The witness is ready. Registries whose log it watches need this setting:\n  LOG_WITNESSES="${formatVerifierKey(verifierOf(signer))} ${server.url.origin}"`,
  );
  await new Promise<void>((resolve) => {
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  await server.stop();
  return 0;
}
