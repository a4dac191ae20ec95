import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { User } from "./scene.ts";

/* What holds for each client command, whatever it does. */

const CLIENT: readonly Command[] = COMMANDS.filter(({ isClient }) => isClient === true);
/** Nothing listens there, and connecting fails at once. */
const NOBODY = "http://127.0.0.1:1";
/** A command that asked a question would wait for ever; one on a busy machine takes seconds. */
const MAX_MS = 25_000;

/** Values for required options and arguments, so that a command gets as far as it can. */
function argumentsFor({ name, arguments: words, options }: Command): string[] {
  const required = Object.entries(options).filter(([, option]) => option.required === true);
  const flags = required.flatMap(([option]) => [`--${option}`, "given"]);
  const needed = words.filter(({ optional }) => optional !== true).map(() => "given");
  return [...name.split(" "), ...needed, ...flags];
}

describe("every client command", () => {
  let user: User;
  beforeAll(async () => {
    user = await User.make();
  });
  afterAll(() => user.remove());

  test.each(CLIENT.map((command) => [command.name, command] as const))(
    "%s ends without a terminal, asks nothing, and prints one document with --json",
    async (_, command) => {
      const env = { CPM_REGISTRY: NOBODY };
      const plain = await user.run(argumentsFor(command), { env });
      expect([0, 1, 64, 65, 69, 77]).toContain(plain.code ?? -1);
      expect(plain.ms).toBeLessThan(MAX_MS);
      const json = await user.run([...argumentsFor(command), "--json"], { env });
      expect(json.ms).toBeLessThan(MAX_MS);
      const document = JSON.parse(json.stdout);
      if (json.code === 0) expect(document.error).toBeUndefined();
      else expect([typeof document.error.code, typeof document.error.detail]).toEqual(["string", "string"]);
      expect(json.stdout.trim().split("\n")).toHaveLength(1);
      expect(plain.stderr + json.stderr).not.toContain("a bug");
    },
    60_000,
  );

  test("a command that is called wrongly says so in a document too", async () => {
    const { code, stdout, stderr } = await user.run(["publish", "--dryrun", "--json"]);
    expect([code, JSON.parse(stdout).error.code]).toEqual([64, "client_usage"]);
    expect(stderr).toContain("Did you mean --dry-run?");
  });

  test("the version is printed without loading what serves", async () => {
    const loaded = await user.run(["version"]);
    expect(loaded.stdout).toMatch(/^cpm-registry \d/);
    const main = await readFile(join(import.meta.dir, "../../src/main.ts"), "utf8");
    const names = [...main.matchAll(/^import (?!type)[^;]* from "([^"]+)";$/gm)].map(([, path]) => path);
    expect(names).toEqual(["./cli/command-line.ts", "./runtime/print.ts", "./runtime/user-umask.ts"]);
  });
});

describe("the user's files", () => {
  let user: User;
  beforeAll(async () => {
    user = await User.make();
    await mkdir(user.home, { recursive: true });
  });
  afterAll(() => user.remove());

  test("credentials that others can read are refused with the command that mends it", async () => {
    const path = join(user.home, "credentials.json");
    await writeFile(path, JSON.stringify({ [NOBODY]: { token: "cpm_secret", username: "ada" } }));
    await chmod(path, 0o644);
    const { code, stderr } = await user.run(["whoami", "--registry", NOBODY]);
    expect([code, stderr.includes(`chmod 600 ${path}`), stderr.includes("cpm_secret")]).toEqual([77, true, false]);
    await chmod(path, 0o600);
    await writeFile(path, "{");
    expect((await user.run(["whoami", "--registry", NOBODY])).code).toBe(1);
  });

  test.each([
    ["registry: [", "cannot be read"],
    ["- a list", "must be a map"],
    ["registries: {home: {}}", "must have a url"],
    ["registry: home", "neither an address"],
    ["registry: http://example.org", "unencrypted"],
    ["registry: https://user:secret@example.org", "no user name"],
    [
      "registry: home\nregistries: {home: {url: 'http://127.0.0.1:1', cafile: /nowhere}}",
      "certificates cannot be read",
    ],
  ])("a configuration %p is refused with the reason", async (config, reason) => {
    await writeFile(join(user.home, "config"), config);
    const { code, stderr } = await user.run(["login", "--username", "ada", "--password-stdin"], { stdin: "x\n" });
    expect([code === 1 || code === 64, stderr]).toEqual([true, expect.stringContaining(reason)]);
    expect(stderr).not.toContain("user:secret");
  });
});
