import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, signMessage, statementOf } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

const BOUNDARY = "a-boundary-of-a-form";

function part(name: string, more = ""): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
}

/** Sends the pieces of a request in writes of their own and answers the status line. */
async function sendInPieces(url: string, pieces: readonly Uint8Array[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const answered = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, async () => {
    for (const piece of pieces) {
      socket.write(piece);
      // Otherwise the kernel joins the pieces into one packet.
      await Bun.sleep(100);
    }
  });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes;
  });
  socket.on("close", () => answered.resolve(text.split("\r\n")[0] ?? ""));
  socket.on("error", answered.reject);
  return answered.promise;
}

onBothDatabases("an upload", (registry) => {
  for (const size of [5_000, 40_000, 300_000]) {
    test(`an upload of ${size} bytes is accepted wherever the network splits the fields after the archive`, async () => {
      const publisher = await newAccount(registry());
      const key = makeKey();
      const name = `cut-${size}`;
      const archive = makePackage({ name, version: "1.0.0", files: { "noise.bin": randomBytes(size) } });
      const signature = signMessage(key, statementOf(name, "1.0.0", archive));
      const fields = `\r\n${part("publicKey")}${key.publicHex}\r\n${part("signature")}${signature}\r\n--${BOUNDARY}--\r\n`;
      const before = Buffer.concat([Buffer.from(part("archive", '; filename="a.cpm"')), archive]);
      // In a header, in a name, in the first value, in the last value.
      for (const cut of [3, 60, part("publicKey").length + 20, fields.length - 40]) {
        const head =
          `POST /api/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${publisher.token}\r\n` +
          `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n` +
          `Content-Length: ${before.length + fields.length}\r\nConnection: close\r\n\r\n`;
        const first = Buffer.concat([Buffer.from(head), before, Buffer.from(fields.slice(0, cut))]);
        const status = await sendInPieces(registry().url, [first, Buffer.from(fields.slice(cut))]);
        expect([cut, status]).toEqual([cut, expect.stringMatching(/^HTTP\/1\.1 20[01] /)]);
      }
    });
  }
});
