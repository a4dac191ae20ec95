import { defineCommand } from "../command.ts";

/** `witness` runs a server that cosigns the logs of other registries. */
export const witnessCommand = defineCommand({
  name: "witness",
  summary: "cosign the checkpoints of other registries' logs",
  options: {
    log: {
      type: "string",
      value: "<key>",
      multiple: true,
      required: true,
      description: "the verifier key of a log, from <registry>/log/vkey; repeat it for each log",
    },
    port: { type: "string", value: "<number>", default: "5001", description: "the port to listen on" },
    host: { type: "string", value: "<address>", default: "0.0.0.0", description: "the address to listen on" },
    data: {
      type: "string",
      value: "<directory>",
      default: "witness",
      description: "where the key and the cosigned checkpoints are kept",
    },
  },
  arguments: [{ name: "name", description: "the name of the witness, such as example.org/witness" }],
  help: {
    description: `Watches the logs of other registries. Cosigns a checkpoint only if it extends the last one, and never
      two that contradict each other. So a log cannot show different histories to different people.

      The witness speaks c2sp.org/tlog-witness. Behind a proxy with TLS, give the logs the proxy's address.`,
    failure: "the witness cannot start",
    examples: ['cpm-registry witness example.org/witness --log "$(curl -sSf https://cpm.example.org/log/vkey)"'],
  },
  run: async ({ log, port, host, data }, [name]) => {
    const { runWitness } = await import("../witness.ts");
    return runWitness({ name, logs: log, port, host, data });
  },
});
