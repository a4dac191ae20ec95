import { beforeAll, describe, expect, test } from "bun:test";
import { chownSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { IMAGE_USER_ID, makeMinimalRoot } from "../../scripts/minimal-root.ts";
import { freePort } from "../support/ports.ts";
import { buildIfOutdated, EXECUTABLE } from "./build-executable.ts";
import { inTemporaryDirectory, makeMountPoints, type Place, runOnce, whileServing } from "./executable.ts";
import { doMainJob } from "./main-job.ts";

const isRoot = process.getuid?.() === 0;

/** Mounts belong to a namespace of this process, so they are gone when it ends, however it ends. */
const namespace = ["unshare", "--mount", ...(isRoot ? [] : ["--map-root-user"])];

/** Root runs the program as the image's user. Anybody else runs it as root of a user namespace. */
function insideMinimalRoot(root: string, port: number): Place {
  const script = `set -e
    mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    root=$1; shift
    exec chroot ${isRoot ? `--userspec=${IMAGE_USER_ID}:${IMAGE_USER_ID}` : ""} "$root" /cpm-registry "$@"`;
  return {
    command: [...namespace, "sh", "-c", script, "minimal-root", root],
    cwd: "/",
    // chroot and mount are often only on root's PATH.
    env: { ...imageEnvironment(), PORT: String(port), PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  };
}

/** The lines of the Dockerfile's last stage, with continued lines joined. */
function lastStage(): string[] {
  const dockerfile = readFileSync(resolve(import.meta.dir, "../../Dockerfile"), "utf8").replace(/\\\n\s*/g, " ");
  return dockerfile.slice(dockerfile.lastIndexOf("\nFROM ")).trim().split("\n");
}

function imageEnvironment(): Record<string, string> {
  const words = lastStage()
    .filter((line) => line.startsWith("ENV "))
    .join(" ")
    .matchAll(/(\w+)=(\S+)/g);
  return Object.fromEntries([...words].map(([, name, value]) => [name, value]));
}

const canMount = Bun.which("unshare") && Bun.spawnSync([...namespace, "true"]).exitCode === 0;
if (!canMount) console.warn("The minimal root is not tested: this machine allows no mount namespace.");

beforeAll(buildIfOutdated, 300_000);

describe("the executable in an empty directory", () => {
  const at = (cwd: string, env: Record<string, string> = {}): Place => ({ command: [EXECUTABLE], cwd, env });

  test("the executable serves a publish and a download, and exits with 0 on SIGTERM", () =>
    inTemporaryDirectory(async (directory) => {
      const place = at(directory, { PORT: String(await freePort()) });
      await whileServing(place, async (url) => {
        expect((await fetch(`${url}/health`)).status).toBe(200);
        await doMainJob(url);
        expect((await runOnce(place, "healthcheck")).exitCode).toBe(0);
      });
      expect((await runOnce(place, "healthcheck")).exitCode).toBe(1);
      expect(readdirSync(directory)).toEqual(["App_Data"]);
    }));

  test("the executable audits the log of a registry with every signature and archive", () =>
    inTemporaryDirectory(async (directory) => {
      const place = at(directory, { PORT: String(await freePort()), HOME: directory });
      await whileServing(place, async (url) => {
        await doMainJob(url);
        const { exitCode, stdout } = await runOnce(place, "log", "audit", "--registry", url, "--archives", "--json");
        expect([exitCode, JSON.parse(stdout)]).toEqual([
          0,
          expect.objectContaining({ verified: true, complete: true, size: 1, problems: [] }),
        ]);
      });
    }));

  test("the executable creates the first account while its server runs with closed registration", () =>
    inTemporaryDirectory(async (directory) => {
      const place = at(directory, { PORT: String(await freePort()), REGISTRATION: "closed" });
      await whileServing(place, async (url) => {
        const made = await runOnce(
          { ...place, input: "a long password\n" },
          ...["admin", "create", "ada", "--admin"],
          "--password-stdin",
        );
        expect([made.exitCode, made.stdout]).toEqual([0, "Created the administrator ada (ada@localhost).\n"]);
        const body = JSON.stringify({ username: "ada", password: "a long password" });
        const headers = { "content-type": "application/json" };
        expect((await fetch(`${url}/api/auth/login`, { method: "POST", body, headers })).status).toBe(200);
      });
      const refused = await runOnce(place, "admin", "create", "a b", "--email", "a@b");
      const why = "username must be 1 to 64 letters and digits, with . _ - only between them";
      expect([refused.exitCode, refused.stderr]).toEqual([1, `cpm-registry admin create failed: ${why}\n`]);
    }));

  test("version, help and openapi of the executable create no file", () =>
    inTemporaryDirectory(async (directory) => {
      const { version } = JSON.parse(readFileSync(resolve(import.meta.dir, "../../package.json"), "utf8"));
      expect(await runOnce(at(directory), "version")).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(new RegExp(`^cpm-registry ${version} \\(commit [0-9a-f]{40}(?:-changed)?\\)\n$`)),
      });
      const help = await runOnce(at(directory), "help");
      expect(help.exitCode).toBe(0);
      for (const command of ["serve", "migrate", "healthcheck", "openapi", "version", "help"]) {
        expect(help.stdout).toContain(command);
      }
      const openapi = await runOnce(at(directory), "openapi");
      expect(openapi.exitCode).toBe(0);
      expect(Object.keys(JSON.parse(openapi.stdout).paths)).toContain("/api/packages");
      expect((await runOnce(at(directory), "no-such-command")).exitCode).not.toBe(0);
      expect(readdirSync(directory)).toEqual([]);
    }));

  test("migrate --check fails on an empty database and passes once migrate has run", () =>
    inTemporaryDirectory(async (directory) => {
      expect((await runOnce(at(directory), "migrate", "--check")).exitCode).toBe(1);
      expect((await runOnce(at(directory), "migrate")).exitCode).toBe(0);
      expect((await runOnce(at(directory), "migrate", "--check")).exitCode).toBe(0);
    }));

  test("the executable ignores .env and bunfig.toml of its working directory", () =>
    inTemporaryDirectory(async (directory) => {
      await Bun.write(join(directory, ".env"), "PORT=not-a-port\n");
      await Bun.write(join(directory, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
      await Bun.write(join(directory, "preload.ts"), "process.exit(99);\n");
      expect((await runOnce(at(directory), "openapi")).exitCode).toBe(0);
    }));
});

describe("the image's last stage", () => {
  test("the image contains what scripts/minimal-root.ts lays out, and runs as its user", () => {
    const lines = lastStage();
    expect(lines.filter((line) => /^(FROM|COPY|ADD|RUN|USER)\b/.test(line))).toEqual([
      "FROM scratch",
      "COPY --from=build /minimal-root/ /",
      `COPY --from=build --chown=${IMAGE_USER_ID}:0 /owned/ /`,
      `USER ${IMAGE_USER_ID}:${IMAGE_USER_ID}`,
    ]);
    expect(imageEnvironment()).toMatchObject({ PORT: "80", DATA_DIR: "/data" });
  });

  test.skipIf(!canMount && !(isRoot && process.env.CI))(
    "the executable serves a publish and a download in its minimal root",
    () =>
      inTemporaryDirectory(async (root) => {
        makeMinimalRoot(EXECUTABLE, root);
        makeMountPoints(root);
        if (isRoot) chownSync(join(root, "data"), IMAGE_USER_ID, IMAGE_USER_ID);
        const place = insideMinimalRoot(root, await freePort());
        expect((await runOnce(place, "healthcheck")).exitCode).toBe(1);
        await whileServing(place, async (url) => {
          await doMainJob(url);
          expect((await runOnce(place, "healthcheck")).exitCode).toBe(0);
        });
        expect(readdirSync(join(root, "data"))).toContain("packages");
      }),
  );
});
