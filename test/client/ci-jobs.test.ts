import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { blocksOf, readDocument } from "../docs/documents.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { PASSWORD, registered, User } from "./scene.ts";

/*
 * The jobs of docs/ci.md, run as a runner does: their shell parts as they are written. Only the
 * place where a job installs the executable, the address that it comes from and the system's package
 * manager are replaced.
 */

interface GitHubStep {
  readonly run?: string;
  readonly "working-directory"?: string;
}

const job = (title: string) => {
  const block = blocksOf(readDocument("docs/ci.md")).find(
    ({ heading, language }) => heading === title && language === "yaml",
  );
  return parse(block?.text ?? "").publish ?? parse(block?.text ?? "").jobs.publish;
};

/**
 * The shell parts of a GitHub Actions job, each in its own shell and directory, with the `PATH` that
 * those before it asked for.
 */
const gitHubScript = () =>
  job("GitHub Actions")
    .steps.filter(({ run }: GitHubStep) => run !== undefined)
    .map(
      (step: GitHubStep) =>
        `(PATH="$(paste -sd: "$GITHUB_PATH"):$PATH"; cd "${step["working-directory"] ?? "."}"\n${step.run})`,
    )
    .join("\n");

const gitLabScript = () => {
  const { before_script: before, script } = job("GitLab CI");
  return [...before, ...script].join("\n");
};

describe("the jobs of docs/ci.md", () => {
  let registry: TestRegistry;
  let user: User;
  let downloads: Bun.Server<undefined>;
  const secrets = { token: "", key: "" };

  beforeAll(async () => {
    registry = await startRegistry("sqlite");
    user = await User.make();
    const program = user.command().map((word) => `'${word}'`);
    downloads = Bun.serve({ port: 0, fetch: () => new Response(`#!/bin/sh\nexec ${program.join(" ")} "$@"\n`) });
    await registered(user, registry.url, "alice");
    await user.run(["init", "hello"]);
    await user.run(["key", "generate", "ci", "--no-passphrase"]);
    secrets.key = join(user.home, "keys/ci.pem");
    const scopes = ["--scope", "publish-new", "--scope", "publish-update"];
    const made = ["token", "create", "--label", "ci", ...scopes, "--password-stdin"];
    secrets.token = (await user.run(made, { stdin: `${PASSWORD}\n` })).stdout.trim();
  });
  afterAll(async () => {
    await downloads.stop(true);
    await user.remove();
    await registry.stop();
  });

  /** Runs a job in a checkout that has the package `hello`, on a machine that nobody logged in on. */
  async function runJob(script: string, signingKey: string) {
    const machine = join(user.directory, crypto.randomUUID());
    const bin = join(machine, "bin");
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, "apt-get"), "#!/bin/sh\n");
    await chmod(join(bin, "apt-get"), 0o755);
    const pathFile = join(machine, "path");
    await writeFile(pathFile, "");
    const adapted = script
      .replaceAll("/usr/local/bin", bin)
      .replaceAll("https://downloads.example.org", `http://127.0.0.1:${downloads.port}`);
    const child = Bun.spawn(["sh", "-eu", "-c", adapted], {
      cwd: user.directory,
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: machine,
        GITHUB_PATH: pathFile,
        CI: "true",
        CPM_REGISTRY: registry.url,
        CPM_API_TOKEN: secrets.token,
        CPM_SIGNING_KEY: signingKey,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  }

  test.skipIf(Bun.which("curl") === null)("publish a version, and are safe to repeat", async () => {
    const published = await runJob(gitHubScript(), await readFile(secrets.key, "utf8"));
    expect([published.code, published.stdout, published.stderr.includes("?")]).toEqual([
      0,
      expect.stringContaining("hello 0.1.0 published, log index 0"),
      false,
    ]);
    for (const [script, key] of [
      [gitHubScript(), await readFile(secrets.key, "utf8")],
      // GitLab gives a variable of type File as its path.
      [gitLabScript(), secrets.key],
    ] as const) {
      const repeated = await runJob(script, key);
      expect([repeated.code, repeated.stdout]).toEqual([0, expect.stringContaining("is published already")]);
    }
  });
});
