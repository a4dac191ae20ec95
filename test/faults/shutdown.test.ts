import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { PASSWORD, publishForm, sha256, signMessage, statementOf } from "../support/client.ts";
import { isListening } from "../support/ports.ts";
import { waitUntil } from "../support/wait-until.ts";
import { readBlobs } from "./blobs.ts";
import { Chance } from "./chance.ts";
import { makePublishers, type Publisher } from "./driver.ts";
import { readRows } from "./rows.ts";
import { onScene } from "./scene.ts";
import { type Answered, headOf, type SlowRequest, slowRequest } from "./slow-client.ts";

/* Operators update a registry with SIGTERM: no client that is being served may notice. */

const UPLOADS = 100;
const DOWNLOADS = 40;
const LOGINS = 40;
const READS = 20;
const EXIT_WITHIN_MS = 30_000;
/**
 * More than the kernel's buffers of a connection hold: such a download stays in flight while nobody
 * reads it.
 */
const DOWNLOAD_BYTES = 12_000_000;
/** More than is read at once: half of such an upload is in a file. */
const UPLOAD_BYTES = 100_000;

const times = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Sends the first half of a publish; `rest` sends the other half. */
async function beginUpload(port: number, { client, key }: Publisher, version: string) {
  const archive = makePackage({ name: "slow", version, files: { "noise.bin": new Chance(1).bytes(UPLOAD_BYTES) } });
  const signature = signMessage(key, statementOf("slow", version, archive));
  const form = new Response(publishForm({ archive, signature, publicKey: key.publicHex }));
  // Bun forgets the content type once the body was read.
  const type = form.headers.get("content-type") ?? "";
  const body = Buffer.from(await form.bytes());
  const head = headOf("POST", "/api/packages", {
    authorization: `Bearer ${client.token}`,
    "content-type": type,
    "content-length": String(body.length),
  });
  const half = body.length >> 1;
  const upload = await slowRequest(port, Buffer.concat([Buffer.from(head), body.subarray(0, half)]));
  return { ...upload, rest: () => upload.write(body.subarray(half)) };
}

function beginLogin(port: number, username: string): Promise<SlowRequest> {
  const body = JSON.stringify({ username, password: PASSWORD });
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  return slowRequest(port, headOf("POST", "/api/auth/login", headers) + body);
}

const beginGets = (port: number, count: number, path: string): Promise<SlowRequest[]> =>
  Promise.all(times(count).map(() => slowRequest(port, headOf("GET", path))));

const answersOf = (requests: readonly SlowRequest[]): Promise<Answered[]> =>
  Promise.all(requests.map((request) => request.answer()));

const statusesOf = (answers: readonly Answered[]) => [...new Set(answers.map(({ status }) => status))];

function largePackage(): Uint8Array {
  const noise = new Uint8Array(DOWNLOAD_BYTES);
  for (let at = 0; at < DOWNLOAD_BYTES; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
  return makePackage({ name: "large", version: "1.0.0", files: { "noise.bin": noise } });
}

const all = UPLOADS + DOWNLOADS + LOGINS + READS;

test(`after SIGTERM all ${all} requests in flight are answered, the exit code is 0 in time, and no temporary file is left`, () =>
  onScene("sqlite", async ({ server }) => {
    await server.start();
    const port = Number(new URL(server.url).port);
    const [publisher] = await makePublishers(server.url, 1);
    if (publisher === undefined) throw new Error("Nobody can publish");
    const large = largePackage();
    expect((await publisher.client.publish("large", "1.0.0", large, publisher.key)).status).toBe(201);

    const uploads = await Promise.all(times(UPLOADS).map((n) => beginUpload(port, publisher, `1.0.${n}`)));
    const downloads = await beginGets(port, DOWNLOADS, "/api/packages/large/1.0.0/download");
    await Promise.all(downloads.map(({ begun }) => begun));
    await waitUntil(() => readBlobs(server.dataDir).incoming.length === UPLOADS, "every upload has begun");
    const logins = answersOf(await Promise.all(times(LOGINS).map(() => beginLogin(port, publisher.client.username))));
    const reads = answersOf(await beginGets(port, READS, "/api/packages?search=large"));
    // Connections are served in the order in which they came. If a later one is answered, all
    // earlier ones are being served.
    await answersOf(await beginGets(port, 1, "/health/live"));

    const toldMs = performance.now();
    server.signal("SIGTERM");
    await waitUntil(async () => !(await isListening(port)), "nobody is let in any more");
    await Promise.all(uploads.map(({ rest }) => rest()));
    expect(statusesOf(await answersOf(uploads))).toEqual([201]);
    expect(statusesOf(await logins)).toEqual([200]);
    expect(statusesOf(await reads)).toEqual([200]);
    const downloaded = await answersOf(downloads);
    expect(statusesOf(downloaded)).toEqual([200]);
    expect([...new Set(downloaded.map((answer) => answer.sha256))]).toEqual([sha256(large)]);

    expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
    expect(performance.now() - toldMs).toBeLessThan(EXIT_WITHIN_MS);
    expect(readBlobs(server.dataDir).incoming).toEqual([]);
    expect((await readRows(server)).versions.length).toBe(UPLOADS + 1);
  }));
