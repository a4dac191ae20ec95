import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { request } from "node:http";
import { buildIfOutdated, EXECUTABLE } from "../binary/build-executable.ts";
import { inTemporaryDirectory, whileServing } from "../binary/executable.ts";
import { newAccount } from "../support/client.ts";
import { freePort } from "../support/ports.ts";

/*
 * An upload of 500 MB must be refused without the process growing: every byte is streamed and
 * counted.
 */

const RUBBISH_BYTES = 500_000_000;
/** The program with its pages, metrics and one password hash has some 110 MB; the upload none. */
const MEMORY_MAX_MB = 140;
const CHUNK = Buffer.alloc(65_536, "rubbish ");

/** The most memory that a process ever had, in MB. */
function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

function listenerOf(port: number): number {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const inode = new RegExp(`:${hexPort} 00000000:0000 0A .*?\\s(\\d+) 1 `).exec(
    readFileSync("/proc/net/tcp", "utf8"),
  )?.[1];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (descriptors.includes(`socket:[${inode}]`)) return Number(pid);
    } catch {
      // The process ended, or belongs to another user.
    }
  }
  throw new Error(`Nobody listens on ${port}`);
}

/**
 * Sends an oversized upload in chunks, whatever the server answers meanwhile, and returns the
 * answer.
 */
function sendRubbish(url: string, token: string, preamble: string): Promise<{ status: number; body: string }> {
  return new Promise((done, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "multipart/form-data; boundary=b" };
    const sending = request(`${url}/api/packages`, { method: "POST", headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, body }));
    });
    sending.on("error", reject);
    sending.write(preamble);
    let sent = 0;
    const more = () => {
      while (sent < RUBBISH_BYTES && !sending.destroyed) {
        sent += CHUNK.length;
        if (!sending.write(CHUNK)) {
          sending.once("drain", more);
          return;
        }
      }
      sending.end();
    };
    more();
  });
}

const onLinux = existsSync("/proc/self/status");
if (!onLinux) console.warn("Skipped: memory of a process is read from /proc, which this system does not have");

test.skipIf(!onLinux)("an upload of 500 MB is refused with 413, using less than 140 MB of memory", () =>
  inTemporaryDirectory(async (cwd) => {
    await buildIfOutdated();
    const port = await freePort();
    const env = { PATH: process.env.PATH ?? "", HOST: "127.0.0.1", PORT: String(port) };
    await whileServing({ command: [EXECUTABLE], cwd, env }, async (url) => {
      const { token = "" } = await newAccount({ url });
      const file = '--b\r\nContent-Disposition: form-data; name="archive"; filename="x"\r\n\r\n';
      for (const preamble of [file, "", '--b\r\nContent-Disposition: form-data; name="signature"\r\n\r\n']) {
        const { status, body } = await sendRubbish(url, token, preamble);
        expect([413, 400]).toContain(status);
        expect(JSON.parse(body).status).toBe(status);
      }
      expect(peakMb(listenerOf(port))).toBeLessThan(MEMORY_MAX_MB);
      expect(readdirSync(`${cwd}/App_Data/packages/incoming`)).toEqual([]);
    });
  }),
);
