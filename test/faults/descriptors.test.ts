import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { freePort } from "../support/ports.ts";
import { PROGRAM } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { makePublishers, type Publisher } from "./driver.ts";

const LIMIT = 100;
/** More than the limit lets in. */
const CONNECTIONS = 150;
const GET = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

/** A connection, and the status of the first response on it. */
interface Client {
  readonly socket: Socket;
  readonly status: Promise<number | undefined>;
  readonly text: () => string;
}

function open(url: string, bytes: string): Client {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  let text = "";
  socket.on("error", () => resolve(undefined)).on("close", () => resolve(undefined));
  socket.on("data", (piece) => {
    text += piece.toString("latin1");
    resolve(Number(text.split(" ")[1]));
  });
  socket.write(bytes);
  return { socket, status: promise, text: () => text };
}

const openMany = (url: string, bytes: string) => Array.from({ length: CONNECTIONS }, () => open(url, bytes));

/** The processor time of a process in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function withLimitedServer(
  play: (server: { url: string; pid: number; log: () => string; publisher: Publisher }) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "cpm-descriptors-"));
  const port = await freePort();
  const env = {
    PATH: process.env.PATH ?? "",
    PORT: String(port),
    HOST: "127.0.0.1",
    DATA_DIR: dataDir,
    JWT_KEY: TEST_JWT_KEY,
    LOG_SIGNING_KEY: TEST_LOG_KEY,
  };
  const command = ["sh", "-c", `ulimit -n ${LIMIT}; exec "$@"`, "sh", ...PROGRAM, "serve"];
  const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let log = "";
  const reading = (async () => {
    for await (const piece of child.stderr) log += Buffer.from(piece).toString();
  })();
  const url = `http://127.0.0.1:${port}`;
  try {
    const isUp = () =>
      fetch(`${url}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitUntil(isUp, "the server answers");
    const [publisher] = await makePublishers(url, 1);
    if (publisher === undefined) throw new Error("Nobody can publish");
    await play({ url, pid: child.pid, log: () => log, publisher });
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    await reading;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

test("more connections than descriptors are all answered, because idle ones are closed", async () => {
  await withLimitedServer(async ({ url, log }) => {
    const clients = openMany(url, GET);
    expect(new Set(await Promise.all(clients.map(({ status }) => status)))).toEqual(new Set([200]));
    await waitUntil(() => log().includes("descriptors_exhausted"), "it is logged");
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    for (const { socket } of clients) socket.destroy();
  });
}, 60_000);

test("when uploads hold all descriptors, others get 503 and Retry-After at once, and the server recovers", async () => {
  await withLimitedServer(async ({ url, pid, log, publisher }) => {
    const { client, key } = publisher;
    const archive = makePackage({ name: "kept", version: "1.0.0" });
    expect((await client.publish("kept", "1.0.0", archive, key)).status).toBe(201);
    const upload = [
      "POST /api/packages HTTP/1.1",
      "Host: x",
      `Authorization: Bearer ${client.token}`,
      "Content-Type: multipart/form-data; boundary=cut",
      "Content-Length: 500000",
      "",
      '--cut\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\nbytes',
    ].join("\r\n");
    const uploads = openMany(url, upload);
    await waitUntil(() => log().includes("descriptors_exhausted"), "the shortage is logged");
    let refused = open(url, GET);
    await waitUntil(async () => {
      if ((await refused.status) === 503) return true;
      refused = open(url, GET);
      return false;
    }, "requests are refused");
    expect(refused.text()).toMatch(/\r\nretry-after: \d/i);
    expect(refused.text()).toContain('"code":"busy"');
    const before = cpuSeconds(pid);
    await Bun.sleep(1_000);
    expect(cpuSeconds(pid) - before).toBeLessThan(0.5);
    expect(log().split("descriptors_exhausted").length - 1).toBe(1);
    for (const { socket } of uploads) socket.destroy();
    const path = `${url}/api/packages/kept/1.0.0/download`;
    await waitUntil(async () => (await fetch(path)).status === 200, "downloads work again");
    expect(log()).not.toContain('"internal"');
  });
}, 60_000);
