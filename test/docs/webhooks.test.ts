import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { blocksUnder, type Home, inHome } from "../support/documented-tasks.ts";
import { freePort } from "../support/ports.ts";
import { waitUntil } from "../support/wait-until.ts";
import { blocksOf, ROOT, readDocument } from "./documents.ts";

/* Runs the receiver and the commands for webhooks of docs/operations.md as they are written. */

const [CREATE = ""] = blocksUnder("Send events to another program");
const RECEIVER = blocksOf(readDocument("docs/operations.md")).find(({ language }) => language === "js")?.text ?? "";
const NODE = Bun.which("node");
const RUNTIMES = [["Bun", process.execPath] as const, ...(NODE === null ? [] : [["Node.js", NODE] as const])];

/** Starts the documented receiver, but on another port. */
function startReceiver(runtime: string, directory: string, port: number, secret: string) {
  const file = join(directory, "receiver.mjs");
  writeFileSync(file, RECEIVER.replace("listen(3000)", `listen(${port}, "127.0.0.1")`));
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  const env = { WEBHOOK_SECRET: secret };
  const child = Bun.spawn([runtime, file], { cwd: directory, env, stdout: "pipe", stderr: "inherit" });
  let printed = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) printed += new TextDecoder().decode(chunk);
  })();
  const stop = async () => {
    child.kill();
    await child.exited;
    await reading;
  };
  return { printed: () => printed, stop };
}

/** Returns what runs a documented command, and types the password of an account when it is asked for. */
function shellOf({ path, server }: Home, username: string) {
  const bin = join(path, ".typing");
  mkdirSync(bin);
  const words = `"$@" --username ${username} --password-stdin`;
  writeFileSync(
    join(bin, "cpm-registry"),
    `#!/bin/sh\necho '${PASSWORD}' | ${join(path, ".bin/cpm-registry")} ${words}\n`,
  );
  chmodSync(join(bin, "cpm-registry"), 0o755);
  const env = { PATH: `${bin}:${process.env.PATH}`, HOME: path, CPM_REGISTRY: server.url };
  return (script: string) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-euc", script], { cwd: path, env });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
}

test.each(RUNTIMES)(
  "the documented receiver under %s takes what the documented webhook sends, and refuses what another one signed",
  (_, runtime) =>
    inHome(async (home) => {
      const { path, server } = home;
      await server.start({ WEBHOOK_ALLOWED_HOSTS: "127.0.0.1" });
      const ada = await newAccount(server, "ada");
      const shell = shellOf(home, ada.username);
      const url = `http://127.0.0.1:${await freePort()}/cpm`;
      expect(shell(CREATE.replace("https://ci.example.org/cpm", url)).exitCode).toBe(0);
      const secret = readFileSync(join(path, "secret"), "utf8").trim();
      const receiver = startReceiver(runtime, path, Number(new URL(url).port), secret);
      try {
        const status = () => fetch(url).then((answer) => answer.status);
        await waitUntil(async () => (await status().catch(() => 0)) === 400, "it refuses what has no signature");
        expect(shell(`cpm-registry webhook test ${url}`)).toMatchObject({ exitCode: 0, stderr: "" });
        const archive = makePackage({ name: "hello-hooks", version: "0.1.0" });
        await ada.publish("hello-hooks", "0.1.0", archive, makeKey());
        const isPrinted = () => /evt_\d+ version\.published hello-hooks 0\.1\.0/.test(receiver.printed());
        await waitUntil(isPrinted, "it prints the event");
        expect(shell(`cpm-registry webhook create ${url}/other`).exitCode).toBe(0);
        const other = shell(`cpm-registry webhook test ${url}/other`);
        expect(other).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringContaining("check the signature") });
        expect(receiver.printed().match(/webhook\.test/g)).toHaveLength(1);
      } finally {
        await receiver.stop();
      }
    }),
  120_000,
);
