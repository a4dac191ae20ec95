import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { publishForm, signMessage, statementOf } from "../support/client.ts";
import { Chance } from "./chance.ts";
import { makePublishers } from "./driver.ts";
import { onScene } from "./scene.ts";
import { headOf, slowRequest } from "./slow-client.ts";

/** Longer than a body may stall. */
const STOPPED_MS = 33_000;

test("uploads that were sending when the server was stopped for 33 s are accepted after it goes on", async () => {
  await onScene("sqlite", async ({ server }) => {
    await server.start();
    const [publisher] = await makePublishers(server.url, 1);
    if (publisher === undefined) throw new Error("Nobody can publish");
    const upload = async (version: string) => {
      const archive = makePackage({ name: "slow", version, files: { "noise.bin": new Chance(1).bytes(300_000) } });
      const signature = signMessage(publisher.key, statementOf("slow", version, archive));
      const form = new Response(publishForm({ archive, signature, publicKey: publisher.key.publicHex }));
      const type = form.headers.get("content-type") ?? "";
      const body = Buffer.from(await form.bytes());
      const head = headOf("POST", "/api/packages", {
        authorization: `Bearer ${publisher.client.token}`,
        "content-type": type,
        "content-length": String(body.length),
      });
      const half = body.length >> 1;
      const started = await slowRequest(
        Number(new URL(server.url).port),
        Buffer.concat([Buffer.from(head), body.subarray(0, half)]),
      );
      return { started, rest: body.subarray(half) };
    };
    const uploads = await Promise.all(["1.0.0", "1.0.1", "1.0.2"].map(upload));
    await Bun.sleep(500);
    server.signal("SIGSTOP");
    await Bun.sleep(STOPPED_MS);
    server.signal("SIGCONT");
    await Promise.all(
      uploads.map(async ({ started, rest }) => {
        for (let at = 0; at < rest.length; at += 16_384) {
          await started.write(rest.subarray(at, at + 16_384));
          await Bun.sleep(20);
        }
      }),
    );
    const answers = await Promise.all(uploads.map(({ started }) => started.answer()));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  });
}, 90_000);
