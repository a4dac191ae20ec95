import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newAccount } from "../support/client.ts";
import { goMissing, runProgram } from "../support/go-program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newWebhook, Receiver } from "../support/webhook-receiver.ts";

const FOLDER = join(import.meta.dir, "webhooks");
const missing = await goMissing(FOLDER);
if (missing !== undefined) console.warn(`Skipped the Go library of Standard Webhooks: ${missing}`);

describe.skipIf(missing !== undefined)("Go's library of Standard Webhooks", () => {
  let registry: TestRegistry;
  let directory: string;
  const receiver = new Receiver();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "cpm-go-hook-"));
    registry = await startRegistry("sqlite", { env: { WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" } });
  });
  afterAll(async () => {
    await registry?.stop();
    await receiver.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test("verifies a message as it arrived, and refuses it when it was changed", async () => {
    const client = await newAccount(registry);
    const { id, secret } = await newWebhook(client, receiver.url);
    expect((await client.post(`/api/webhooks/${id}/test`)).body.outcome).toBe("delivered");
    const [arrived] = receiver.received;
    const program = join(directory, "verify");
    const built = await runProgram(["go", "build", "-o", program, "."], FOLDER);
    expect([built.status, built.output]).toEqual([0, ""]);
    const verify = async (body: string | undefined) => {
      const path = join(directory, "message.json");
      const headers = Object.fromEntries(arrived?.headers ?? []);
      await Bun.write(path, JSON.stringify({ secret, headers, body }));
      return runProgram([program, path], directory);
    };
    expect(await verify(arrived?.text)).toEqual({ status: 0, output: arrived?.text ?? "" });
    expect((await verify(`${arrived?.text} `)).status).toBe(1);
  });
});
