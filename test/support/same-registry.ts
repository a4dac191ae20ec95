import { expect } from "bun:test";
import { runOnce } from "../binary/executable.ts";
import { everyAnswer, type SeenAnswer } from "./answers.ts";
import { Client } from "./client.ts";
import { type Place, whileRunning } from "./places.ts";
import { PROGRAM } from "./program.ts";
import type { TestRegistry } from "./registry.ts";
import { eventsAreFinal } from "./roles.ts";
import type { Varied } from "./varied-registry.ts";

/** Every answer of a registry, by its address. */
export type Seen = ReadonlyMap<string, SeenAnswer>;

/** Asks a varied registry for everything, as its administrator. */
export async function seenBy(registry: TestRegistry, { admin, names }: Varied): Promise<Seen> {
  await eventsAreFinal(registry);
  return everyAnswer(new Client(registry.url, admin.token, admin.username), names);
}

/** Expects a registry to give exactly these answers. */
export async function expectAnswers(registry: TestRegistry, before: Seen, varied: Varied): Promise<void> {
  const after = await seenBy(registry, varied);
  expect(before.size).toBeGreaterThan(100);
  for (const [address, answer] of before) expect([address, after.get(address)]).toEqual([address, answer]);
}

interface Restoring {
  readonly backup: string;
  readonly to: Place;
  readonly before: Seen;
  readonly varied: Varied;
}

/**
 * Restores a backup, and expects the same answers to the byte, a clean `fsck`, and a clean
 * `log audit` of log and archives.
 */
export async function expectSameRegistry({ backup, to, before, varied }: Restoring): Promise<void> {
  const { exitCode, stderr, stdout } = await to.run("backup", "restore", backup, "--json");
  expect([stderr, exitCode]).toEqual(["", 0]);
  expect(JSON.parse(stdout)).toMatchObject({ lacking: [], present: { count: 0 } });
  const checked = await to.run("fsck");
  expect([checked.stdout, checked.exitCode]).toEqual([expect.stringContaining("no problems"), 0]);
  await whileRunning(to, async (registry) => {
    await expectAnswers(registry, before, varied);
    const audit = { command: PROGRAM, cwd: "/", env: { PATH: process.env.PATH ?? "", HOME: to.dataDir } };
    const audited = await runOnce(audit, "log", "audit", "--archives", "--registry", registry.url, "--json");
    expect(audited).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(audited.stdout)).toMatchObject({ verified: true, problems: [] });
  });
}
