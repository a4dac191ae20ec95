import { expect } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blocksOf, readDocument } from "../docs/documents.ts";
import { prepareServer, type ServerProcess } from "../faults/server.ts";
import { makePackage } from "./archive-maker.ts";
import { Client, makeKey } from "./client.ts";
import { PROGRAM } from "./program.ts";

/* Tasks of docs/operations.md, run as they are written, around a registry that is a process. */

/** The registry makes its own keys, as that of a new operator does. */
const OWN_KEYS = { JWT_KEY: "", LOG_SIGNING_KEY: "" };
const key = makeKey();

/** A directory of an operator with `App_Data`, and a `cpm-registry` that is found there. */
export interface Home {
  readonly path: string;
  readonly server: ServerProcess;
  /** Runs a script as the operator's shell does, with the settings given. */
  run(script: string, settings?: Readonly<Record<string, string>>): string;
}

/** Returns the commands under a heading of the page, one text for each block. */
export function blocksUnder(heading: string): string[] {
  const found = blocksOf(readDocument("docs/operations.md")).filter((block) => block.heading === heading);
  const commands = found.filter(({ language }) => language === "sh" || language === "shell");
  if (commands.length === 0) throw new Error(`docs/operations.md has no commands under ${heading}`);
  return commands.map(({ text }) => text);
}

function installProgram(directory: string, program: readonly string[]): string {
  const bin = join(directory, ".bin");
  mkdirSync(bin, { recursive: true });
  const words = program.map((word) => `'${word}'`).join(" ");
  writeFileSync(join(bin, "cpm-registry"), `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(join(bin, "cpm-registry"), 0o755);
  return bin;
}

/**
 * Makes a home in a directory, which exists. The server is not started yet. `program` is what it
 * and the operator run.
 */
export async function newHome(path: string, program: readonly string[] = PROGRAM): Promise<Home> {
  const server = await prepareServer(join(path, "App_Data"), undefined, OWN_KEYS, program);
  const PATH = `${installProgram(path, program)}:${process.env.PATH}`;
  return {
    path,
    server,
    run: (script, settings = {}) => {
      const env = { PATH, HOME: path, ...settings };
      const { exitCode, stderr, stdout } = Bun.spawnSync(["sh", "-euc", script], { cwd: path, env });
      expect([stderr.toString(), exitCode]).toEqual(["", 0]);
      return stdout.toString();
    },
  };
}

/** Runs `play` in a new home and removes it. */
export async function inHome(play: (home: Home) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "cpm-operator-"));
  const home = await newHome(path);
  try {
    await play(home);
  } finally {
    await home.server.remove();
    rmSync(path, { recursive: true, force: true });
  }
}

/** Publishes a version of the package `hello` and returns the status of the answer. */
export async function publishHello(by: Client, version: string): Promise<number> {
  return (await by.publish("hello", version, makePackage({ name: "hello", version }), key)).status;
}

/** Stops a server as a supervisor does. */
export async function stopServer(server: ServerProcess): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.ended()).toEqual({ exitCode: 0, signal: null });
}

/** Returns the health document of a server. */
export async function healthOf({ url }: ServerProcess) {
  return (await new Client(url).get("/health")).body;
}
