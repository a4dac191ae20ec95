import { readFileSync } from "node:fs";
import type { Subprocess } from "bun";
import type { Failpoint } from "../../src/runtime/failpoints.ts";
import type { Outcome } from "../binary/executable.ts";
import { SOURCES } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";
import type { Disk } from "./power-cut.ts";

/** When the power is cut: at a hit of a failpoint, at a time, or as soon as the command ended. */
export type Moment = { readonly point: Failpoint; readonly hit?: number } | { readonly afterMs: number } | "its end";

/** A command of the registry, with its settings. */
export interface Command {
  readonly settings: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

function isFrozen(pid: number): boolean {
  // The state follows the name, which may contain anything: pid (name) state.
  return /\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/**
 * Runs a command and cuts the power of a disk meanwhile. Returns when the disk has power again: the
 * outcome of the command, or undefined if it was cut before its end.
 */
export async function cutDuring(disk: Disk, { settings, args }: Command, moment: Moment): Promise<Outcome | undefined> {
  const failpoints =
    typeof moment === "object" && "point" in moment
      ? { NODE_ENV: "test", FAILPOINTS: `${moment.point}=stop@${moment.hit ?? 1}` }
      : {};
  const child = Bun.spawn([...SOURCES, ...args], {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "", ...settings, ...failpoints },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await cutWhen(disk, child, async () => {
    if (moment === "its end") await child.exited;
    else if ("point" in moment) {
      await waitUntil(() => child.exitCode !== null || isFrozen(child.pid), `the command freezes at ${moment.point}`);
    } else await Promise.race([child.exited, Bun.sleep(moment.afterMs)]);
  });
  const [stdout, stderr] = await output;
  return child.signalCode === null ? { exitCode: await child.exited, stdout, stderr } : undefined;
}

/**
 * Stops a process after `moment`, cuts the power of a disk, and ends the process. Returns when the
 * disk has power again.
 */
export async function cutWhen(disk: Disk, child: Subprocess, moment: () => Promise<unknown>): Promise<void> {
  try {
    await moment();
    child.kill("SIGSTOP");
    disk.cut();
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
  disk.restore();
}
