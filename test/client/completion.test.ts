import { describe, expect, test } from "bun:test";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { stalling } from "./bad-registry.ts";
import { badScene, hasTerminal } from "./scene.ts";

const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  const archive = makePackage({ name: "hello", version: "0.1.0" });
  expect((await publisher.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
});

describe("completion", () => {
  const complete = async (...words: string[]) => {
    const { stdout } = await scene.user.run(["complete", "--", ...words], { env: { CPM_REGISTRY: scene.bad.url } });
    return stdout === "" ? [] : stdout.trim().split("\n");
  };

  test("completes commands, the commands of a group, options and shells from the command table", async () => {
    expect(await complete("wh")).toEqual(["whoami"]);
    expect(await complete("")).toEqual(expect.arrayContaining(["publish", "owner", "help"]));
    expect(await complete("")).not.toContain("worker");
    expect(await complete("owner", "")).toEqual(["list", "invite", "accept", "remove"]);
    const options = COMMANDS.find(({ name }) => name === "search")?.options ?? {};
    expect(await complete("search", "--")).toEqual([...Object.keys(options), "help"].map((name) => `--${name}`));
    expect(await complete("completion", "f")).toEqual(["fish"]);
    expect(await complete("config", "get", "regis")).toContain("registry");
    expect(await complete("search", "--sort", "")).toEqual([]);
  });

  test("completes the names of packages that the registry finds", async () => {
    expect(await complete("info", "hel")).toEqual(["hello"]);
    expect(await complete("owner", "list", "hel")).toEqual(["hello"]);
    expect(await complete("download", "other", "hel")).toEqual(["hello"]);
  });

  test("completes no name of a registry that stalls, within about a second", async () => {
    scene.bad.misbehave = () => new Response(stalling([]));
    const startedMs = performance.now();
    expect(await complete("info", "hel")).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  test("has a script for each shell, and for no other", async () => {
    for (const shell of ["bash", "zsh", "fish", "powershell"]) {
      const { stdout } = await scene.user.run(["completion", shell]);
      expect(stdout).toContain("cpm-registry complete -- ");
    }
    expect((await scene.user.run(["completion", "cmd"])).code).toBe(64);
  });
});

/** Each completes `owner `, `who` and `info hel` in a shell that loaded its completion. */
const SCRIPTS: readonly [shell: string, args: readonly string[], script: string][] = [
  [
    "bash",
    ["-c"],
    `source <(cpm-registry completion bash)
complete -p cpm-registry | grep -q _cpm_registry || exit 1
COMP_WORDS=(cpm-registry owner "") COMP_CWORD=2; _cpm_registry; echo "\${COMPREPLY[*]}"
COMP_WORDS=(cpm-registry who) COMP_CWORD=1; _cpm_registry; echo "\${COMPREPLY[*]}"
COMP_WORDS=(cpm-registry info hel) COMP_CWORD=2; _cpm_registry; echo "\${COMPREPLY[*]}"
compgen -o default cpm-reg`,
  ],
  [
    "fish",
    ["--no-config", "-c"],
    `cpm-registry completion fish | source
complete -C "cpm-registry owner " | string join " "
complete -C "cpm-registry who" | string join " "
complete -C "cpm-registry info hel" | string join " "
complete -C "cpm-registry publish cpm-reg" | string join " "`,
  ],
];

for (const shell of ["bash", "zsh", "fish", "pwsh"]) {
  if (Bun.which(shell) === null) console.log(`${shell} is missing: its completion script was not run`);
}

describe("the completion script", () => {
  /** The environment of a shell in which `cpm-registry` is the program under test. */
  async function shellEnv(): Promise<Record<string, string>> {
    const { user, bad } = scene;
    const bin = join(user.directory, "cpm-registry");
    const words = user.command().map((word) => `'${word}'`);
    await writeFile(bin, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    await chmod(bin, 0o755);
    const { env } = user.spawnOptions();
    return { ...env, PATH: `${user.directory}:${env.PATH}`, CPM_REGISTRY: bad.url, TERM: "xterm" };
  }

  async function run(argv: string[]) {
    const { cwd } = scene.user.spawnOptions();
    const child = Bun.spawn(argv, { cwd, env: await shellEnv(), stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { lines: stdout.trim().split(/\r?\n/), stderr };
  }

  for (const [shell, args, script] of SCRIPTS) {
    test.skipIf(Bun.which(shell) === null)(`of ${shell} completes what the program says`, async () => {
      const { lines, stderr } = await run([shell, ...args, script]);
      const [owner = "", ...others] = lines;
      expect([owner.split(" ").toSorted(), others, stderr]).toEqual([
        ["accept", "invite", "list", "remove"],
        // Where the program has nothing to say, files are completed.
        ["whoami", "hello", "cpm-registry"],
        "",
      ]);
    });
  }

  test.skipIf(Bun.which("zsh") === null || !hasTerminal)("of zsh completes what the program says at Tab", async () => {
    // Enter runs what Tab made of the line, and so shows it whatever the editor drew.
    const load = "autoload -U compinit; compinit -u -D; source <(cpm-registry completion zsh)";
    const show = `show() { print -r -- "<$*>" }; compdef _cpm_registry show; PS1='ready> '`;
    const { output, unasked, code } = await scene.user.typeInto(
      ["zsh", "-f", "-i"],
      [
        ["%|#", `${load}; ${show}\r`],
        ["\\[Jready> ", "show who\t\r"],
        ["<whoami>", "show owner l\t\r"],
        ["<owner list>", "show info hel\t\r"],
        ["<info hello>", "exit 7\r"],
      ],
      { env: await shellEnv() },
    );
    expect({ unasked, code, output }).toEqual({ unasked: [], code: 7, output });
  });

  test.skipIf(Bun.which("pwsh") === null)("of PowerShell completes what the program says", async () => {
    const found = (line: string) =>
      `(TabExpansion2 -inputScript '${line}' -cursorColumn ${line.length}).CompletionMatches.CompletionText -join ' '`;
    const lines = ["cpm-registry owner ", "cpm-registry who", "cpm-registry info hel"].map(found);
    const script = `cpm-registry completion powershell | Out-String | Invoke-Expression\n${lines.join("\n")}`;
    expect((await run(["pwsh", "-NoProfile", "-Command", script])).lines).toEqual([
      "list invite accept remove",
      "whoami",
      "hello",
    ]);
  });
});
