import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptRollback } from "../../src/log/accept-rollback.ts";
import { openLog } from "../../src/log/open-log.ts";
import { WitnessClient } from "../../src/log/witness-client.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import {
  COSIGNATURE,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  parseVerifierKey,
  verifierOf,
  verifyNote,
} from "../../src/tlog/note.ts";
import { serveWitness } from "../../src/witness/server.ts";
import { openWitnessedFiles } from "../../src/witness/witnessed-files.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { scrape } from "../support/metrics.ts";
import { startRegistry, TEST_LOG_KEY, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const clock = () => new Date();

function keyOf(text: string) {
  const signer = parseSignerKey(text);
  if (signer === undefined) throw new Error("a test's key is none");
  return signer;
}

describe.each(["sqlite", "postgres"] as const)("witnesses (%s)", (kind) => {
  const signer = keyOf(formatSignerKey("witness.test/one", randomBytes(32), COSIGNATURE));
  const log = verifierOf(keyOf(TEST_LOG_KEY));
  const witnessKey = verifierOf(signer);
  let directory: string;
  let server: ReturnType<typeof serveWitness>;
  let registry: TestRegistry;
  let publisher: Client;
  const key = makeKey();

  const checkpoint = async () => (await new Client(registry.url).get("/log/checkpoint")).text;
  const isCosigned = async () => verifyNote(await checkpoint(), [witnessKey]) !== undefined;
  const age = async () =>
    (await scrape(registry.url)).get('cpm_registry_log_witness_age_seconds{witness="witness.test/one"}');
  const publish = async (name: string) => {
    const answer = await publisher.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key);
    expect(answer.status).toBe(201);
    return answer;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "cpm-witness-"));
    const witness = { signer, logs: [log], witnessed: await openWitnessedFiles(directory), clock };
    server = serveWitness(witness, createLogger("silent", clock), { hostname: "127.0.0.1", port: 0 });
    const address = `${formatVerifierKey(witnessKey)} ${server.url.origin}`;
    registry = await startRegistry(kind, { env: { LOG_WITNESSES: address } });
    publisher = await newAccount(registry);
  });
  afterAll(async () => {
    await registry.stop();
    await server.stop(true);
    await rm(directory, { recursive: true, force: true });
  });

  test("witnesses cosign each checkpoint after its publish, and the cosignature is served, in later proofs and in the metrics", async () => {
    await publish("first");
    await waitUntil(isCosigned, "the checkpoint is cosigned");
    const proof = (await new Client(registry.url).get("/api/packages/first/1.0.0/proof")).text;
    expect(verifyNote(proof.slice(proof.indexOf("\n\n") + 2), [log, witnessKey])?.signed).toHaveLength(2);
    for (const name of ["second", "third", "fourth"]) await publish(name);
    await waitUntil(isCosigned, "the checkpoint is cosigned");
    const verified = verifyNote(await checkpoint(), [log, witnessKey]);
    expect(verified?.signed).toHaveLength(2);
    expect(parseCheckpoint(verified?.text ?? "")?.size).toBe(4);
    expect(await age()).toBe(0);
  });

  test("witnesses that do not answer delay no publish, and are asked again after the next one", async () => {
    const { port } = server;
    await server.stop(true);
    await publish("alone");
    const failed = () => registry.deps.logger.counts.get("witness_failing") === 1;
    await waitUntil(failed, "the witness was asked in vain");
    expect(await isCosigned()).toBe(false);
    expect(await age()).toBeGreaterThan(0);
    const witness = { signer, logs: [log], witnessed: await openWitnessedFiles(directory), clock };
    server = serveWitness(witness, createLogger("silent", clock), { hostname: "127.0.0.1", port: port ?? 0 });
    await publish("not-alone");
    await waitUntil(isCosigned, "the checkpoint is cosigned");
    expect(await age()).toBe(0);
  });

  test("a witness refuses what the specification lists, and changes nothing", async () => {
    const good = await checkpoint();
    const size = parseCheckpoint(good.slice(0, good.indexOf("\n\n") + 1))?.size ?? 0;
    const ask = async (body: string) => {
      const answer = await fetch(`${server.url.origin}/add-checkpoint`, { method: "POST", body });
      return [answer.status, await answer.text()];
    };
    expect(await ask(`old 0\n\n${good}`)).toEqual([409, `${size}\n`]);
    expect(await ask(`old ${size + 1}\n\n${good}`)).toEqual([400, ""]);
    expect(await ask("old 1\n\nnonsense")).toEqual([400, ""]);
    expect(await ask(`old 01\n\n${good}`)).toEqual([400, ""]);
    expect(await ask(`old ${size}\n\n${good.replace("registry.test/log\n", "other.test/log\n")}`)).toEqual([404, ""]);
    expect(await ask(`old ${size}\n\n${good.replace(`\n${size}\n`, `\n${size + 1}\n`)}`)).toEqual([403, ""]);
    const [status, line] = await ask(`old ${size}\n\n${good}`);
    expect(status).toBe(200);
    expect(String(line)).toStartWith("— witness.test/one ");
  });

  test("a registry whose database lost what a witness cosigned is read-only, also without its own copy of the checkpoint", async () => {
    const address = `${formatVerifierKey(witnessKey)} ${server.url.origin}`;
    const emptied = await startRegistry(kind, { env: { LOG_WITNESSES: address } });
    try {
      const size = parseCheckpoint((await checkpoint()).split("\n\n")[0]?.concat("\n") ?? "")?.size;
      expect(emptied.deps.log.rollback).toEqual({ publishedSize: size, foundSize: 0, isWitnessed: true });
      const late = await newAccount(emptied);
      const refused = await late.publish("late", "1.0.0", makePackage({ name: "late", version: "1.0.0" }), key);
      expect([refused.status, refused.body.code]).toEqual([503, "log_rollback"]);
      const { db, blobs, logger } = emptied.deps;
      const witnesses = new WitnessClient({ db, logger }, emptied.deps.config.logWitnesses);
      expect(await acceptRollback({ db, blobs, witnesses }, true)).toMatchObject({ publishedSize: size });
      const opened = await openLog({ db, blobs, witnesses, clock }, [keyOf(TEST_LOG_KEY)]);
      expect(opened.rollback).toBeUndefined();
    } finally {
      await emptied.stop();
    }
  }, 20_000);

  test("a witness that does not answer does not keep a registry from starting", async () => {
    const silent = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => undefined) });
    const address = `${formatVerifierKey(witnessKey)} ${silent.url.origin}`;
    const begunMs = performance.now();
    const started = await startRegistry(kind, { env: { LOG_WITNESSES: address } });
    try {
      expect(started.deps.log.rollback).toBeUndefined();
      expect(performance.now() - begunMs).toBeLessThan(10_000);
      expect(started.deps.logger.counts.get("witness_failing")).toBeGreaterThan(0);
    } finally {
      await started.stop();
      await silent.stop(true);
    }
  }, 20_000);

  test("a witness whose stored checkpoint is damaged answers with an error and cosigns nothing", async () => {
    const good = await checkpoint();
    const [file = ""] = (await readdir(directory)).filter((name) => name.endsWith(".checkpoint"));
    const path = join(directory, file);
    const stored = await readFile(path, "utf8");
    const damages = ["", stored.slice(0, 20), stored.replace(/\n\d+\n/, "\n1\n"), "junk\n"];
    try {
      for (const damaged of damages) {
        await writeFile(path, damaged);
        for (const oldSize of [0, 1]) {
          const body = `old ${oldSize}\n\n${good}`;
          const answer = await fetch(`${server.url.origin}/add-checkpoint`, { method: "POST", body });
          expect([damaged, answer.status, await answer.text()]).toEqual([damaged, 500, ""]);
        }
        expect(await readFile(path, "utf8")).toBe(damaged);
      }
    } finally {
      await writeFile(path, stored);
    }
  });

  test("a witness serves the verifier key that the operator is shown", async () => {
    const text = await (await fetch(`${server.url.origin}/vkey`)).text();
    expect(parseVerifierKey(text.trim())).toEqual(witnessKey);
  });
});

/** A witness in another process that sends an answer without end, as fast as it is read. */
const FLOOD = `
  const chunk = new Uint8Array(1_048_576);
  const pull = (controller) => controller.enqueue(chunk);
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(new ReadableStream({ pull })) });
  console.log(server.url.origin);
`;

test("a witness that answers without end is cut off, and the registry's memory does not grow", async () => {
  const flood = Bun.spawn([process.execPath, "-e", FLOOD], { stdin: "ignore", stderr: "inherit" });
  const reader = flood.stdout.getReader();
  const origin = Buffer.from((await reader.read()).value ?? Buffer.of())
    .toString()
    .trim();
  const key = formatVerifierKey(verifierOf(keyOf(formatSignerKey("flood.test/one", randomBytes(32), COSIGNATURE))));
  const registry = await startRegistry("sqlite", { env: { LOG_WITNESSES: `${key} ${origin}` } });
  try {
    const publisher = await newAccount(registry);
    // It is asked at start too.
    const asked = registry.deps.logger.counts.get("witness_failing") ?? 0;
    const before = process.memoryUsage.rss();
    const archive = makePackage({ name: "alone", version: "1.0.0" });
    expect((await publisher.publish("alone", "1.0.0", archive, makeKey())).status).toBe(201);
    const failed = () => (registry.deps.logger.counts.get("witness_failing") ?? 0) > asked;
    await waitUntil(failed, "the witness was asked in vain");
    expect((process.memoryUsage.rss() - before) / 1_048_576).toBeLessThan(80);
  } finally {
    flood.kill();
    await registry.stop();
  }
});
