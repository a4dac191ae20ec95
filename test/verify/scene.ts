import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import {
  formatVerifierKey,
  parseNote,
  parseSignerKey,
  type SignerKey,
  signNote,
  verifierOf,
} from "../../src/tlog/note.ts";
import { runOnce } from "../binary/executable.ts";
import { PROGRAM } from "../support/program.ts";
import { TEST_LOG_KEY } from "../support/registry.ts";

/** A user with their own home directory, which stores what they saw of logs. */
export class Verifier {
  private constructor(readonly home: string) {}

  static async make(): Promise<Verifier> {
    return new Verifier(await mkdtemp(join(tmpdir(), "cpm-verifier-")));
  }

  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.home, name);
    await writeFile(path, content);
    return path;
  }

  run(env: Readonly<Record<string, string>>, ...args: string[]) {
    return runOnce({ command: PROGRAM, cwd: "/", env: { HOME: this.home, ...env } }, ...args);
  }

  /**
   * Runs a command with `--json` and returns its exit code, the names of failed checks and the
   * whole output.
   */
  async ask(...args: string[]) {
    const { exitCode, stdout, stderr } = await this.run({}, ...args, "--json");
    if (stdout === "") throw new Error(`exit code ${exitCode}: ${stderr}`);
    const answer = JSON.parse(stdout);
    const found: { code?: string }[] = [...answer.checks, ...(answer.problems ?? [])];
    return { exitCode, codes: found.flatMap(({ code }) => code ?? []), answer };
  }

  remove(): Promise<void> {
    return rm(this.home, { recursive: true, force: true });
  }
}

/** Returns the log's own key, or another key in textual form. */
export function signerOf(text = TEST_LOG_KEY): SignerKey {
  const key = parseSignerKey(text);
  if (key === undefined) throw new Error("a test's key is none");
  return key;
}

/** Returns the verifier key of `signerOf`. */
export const VKEY = formatVerifierKey(verifierOf(signerOf()));

/** Signs another checkpoint with the log's own key, as a dishonest operator can. */
export function forge(note: string, change: Partial<Checkpoint>, by = signerOf()): string {
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? "");
  if (checkpoint === undefined) throw new Error("no checkpoint");
  return signNote(formatCheckpoint({ ...checkpoint, ...change }), by);
}

export const textOf = (body: Uint8Array) => Buffer.from(body).toString("utf8");

type Change = Uint8Array | string | Response | undefined;

/** Replaces the response of the registry, or returns undefined to pass it on. */
export type Tamper = (path: string, body: Uint8Array) => Change | Promise<Change>;

/** A proxy of a registry that changes responses. */
export function startProxy(target: () => string) {
  const proxy: { tamper: Tamper } = { tamper: () => undefined };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const answer = await fetch(`${target()}${pathname}${search}`);
      const body = new Uint8Array(await answer.arrayBuffer());
      const changed = answer.status === 200 ? await proxy.tamper(pathname, body) : undefined;
      if (changed instanceof Response) return changed;
      return new Response(changed === undefined ? body : Buffer.from(changed), { status: answer.status });
    },
  });
  return Object.assign(proxy, { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) });
}
