import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { goMissing, runProgram } from "../support/go-program.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { startRegistry } from "../support/registry.ts";

/* The traces of a registry, decoded by the code with which the OpenTelemetry Collector receives them. */

const MODULE = join(import.meta.dir, "collector");
const missing = await goMissing(MODULE);
if (missing !== undefined) console.log(`Not tested: the decoder of the OpenTelemetry Collector. ${missing}`);

test.skipIf(missing !== undefined)(
  "the decoder of the OpenTelemetry Collector reads every span of a registry",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "cpm-collector-"));
    const receiver = startOtlpReceiver();
    try {
      const program = join(scratch, "decode");
      expect(await runProgram(["go", "build", "-o", program, "."], MODULE)).toEqual({ status: 0, output: "" });
      const registry = await startRegistry("sqlite", { env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
      const publisher = await newAccount(registry);
      const archive = makePackage({ name: "collected", version: "1.0.0" });
      expect((await publisher.publish("collected", "1.0.0", archive, makeKey())).status).toBe(201);
      await registry.stop();
      const decoded = [];
      for (const [at, body] of receiver.bodies.entries()) {
        const path = join(scratch, `${at}.json`);
        writeFileSync(path, body);
        const { status, output } = await runProgram([program, path], MODULE);
        expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
        decoded.push(
          ...output
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line)),
        );
      }
      expect(decoded.length).toBe(receiver.spans.length);
      for (const span of decoded)
        expect(span).toMatchObject({ service: "cpm-registry", lasted: true, status: "Unset" });
      const published = decoded.find(({ name }) => name === "POST /api/packages");
      expect(published).toMatchObject({ kind: "Server", route: "/api/packages", parentId: "" });
    } finally {
      await receiver.stop();
      rmSync(scratch, { recursive: true, force: true });
    }
  },
  600_000,
);
