import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildahMissing, buildWithBuildah, run } from "../../scripts/image.ts";
import { IMAGE_USER_ID } from "../../scripts/minimal-root.ts";
import { freePort } from "../support/ports.ts";
import { inTemporaryDirectory, makeMountPoints, type Place, runOnce, whileServing } from "./executable.ts";
import { doMainJob } from "./main-job.ts";

const TAG = "localhost/cpm-registry-test";
const BUILD_TIMEOUT_MS = 600_000;
const missing = buildahMissing();
if (missing !== undefined) console.log(`The image is not built here: ${missing}`);

/** What the container engine makes of the image: its file system and its configuration. */
interface Image {
  readonly root: string;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

interface Conditions {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: string;
  /** A directory that becomes /data. */
  readonly volume: string;
}

const FILES = 64;
const MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * Makes a control group with a limit on memory. Returns the file to which a process writes itself.
 */
function memoryGroup(name: string): { readonly procs: string; remove(): void } {
  const isFirstVersion = existsSync("/sys/fs/cgroup/memory");
  const group = join(isFirstVersion ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", name);
  mkdirSync(group);
  writeFileSync(join(group, isFirstVersion ? "memory.limit_in_bytes" : "memory.max"), String(MEMORY_BYTES));
  return { procs: join(group, "cgroup.procs"), remove: () => rmdirSync(group) };
}

/**
 * Runs the image's executable as an engine would: its root read-only, without capabilities, /tmp in
 * memory, /data a volume, and few files and little memory. The mounts end with the process.
 */
function placeIn(image: Image, { uid, gid, groups = "", volume }: Conditions, port: number, procs: string): Place {
  const script = `set -e
    root=$1; echo $$ > ${procs}
    mount --bind "$root" "$root"
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount --bind "${volume}" "$root/data"
    mount -o remount,bind,ro "$root"
    shift
    exec prlimit --nofile=${FILES}:${FILES} setpriv --no-new-privs --inh-caps=-all \\
      chroot --userspec=${uid}:${gid} --groups="${groups}" "$root" ${image.entrypoint.join(" ")} "$@"`;
  return {
    command: ["unshare", "--mount", "sh", "-c", script, "image", image.root],
    cwd: "/",
    env: { ...image.env, PORT: String(port), HOST: "127.0.0.1", PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  };
}

describe.skipIf(missing !== undefined)("the image that the Dockerfile builds", () => {
  let container: string;
  let image: Image;

  beforeAll(() => {
    buildWithBuildah(TAG);
    container = run("buildah", "from", "--pull-never", TAG);
    const root = run("buildah", "mount", container);
    makeMountPoints(root);
    const {
      Docker: { config },
    } = JSON.parse(run("buildah", "inspect", container));
    const env = Object.fromEntries(config.Env.map((line: string) => line.split(/=(.*)/s).slice(0, 2)));
    const [, ...healthcheck] = config.Healthcheck.Test;
    image = { root, user: config.User, env, entrypoint: config.Entrypoint, healthcheck };
  }, BUILD_TIMEOUT_MS);

  afterAll(() => {
    if (container !== undefined) run("buildah", "rm", container);
  });

  /** Starts the image, does a registry's main job in it, and asks its health as the engine does. */
  const serves = async (conditions: Conditions) => {
    const group = memoryGroup(`cpm-image-${process.pid}-${conditions.uid}`);
    try {
      const place = placeIn(image, conditions, await freePort(), group.procs);
      await whileServing(place, async (url) => {
        await doMainJob(url);
        const [command, ...args] = image.healthcheck;
        expect([command]).toEqual([...image.entrypoint]);
        expect(await runOnce(place, ...args)).toMatchObject({ exitCode: 0, stderr: "" });
      });
      const made = await runOnce(
        { ...place, input: "a long password\n" },
        "admin",
        "create",
        "root2",
        "--password-stdin",
      );
      expect([made.exitCode, made.stderr]).toEqual([0, ""]);
    } finally {
      group.remove();
    }
  };

  test("the image starts as its own user on a new named volume", () =>
    inTemporaryDirectory(async (directory) => {
      expect(image.user).toBe(`${IMAGE_USER_ID}:${IMAGE_USER_ID}`);
      // An engine fills a new volume with the image's directory, owner and mode included.
      run("cp", "--archive", join(image.root, "data"), join(directory, "data"));
      await serves({ uid: IMAGE_USER_ID, gid: IMAGE_USER_ID, volume: join(directory, "data") });
    }));

  test("the image starts as any user of group 0, as OpenShift starts it", () =>
    inTemporaryDirectory(async (directory) => {
      run("cp", "--archive", join(image.root, "data"), join(directory, "data"));
      await serves({ uid: 1_000_710_000, gid: 0, volume: join(directory, "data") });
    }));

  test("the image starts on a volume that only a group of the pod may write", () =>
    inTemporaryDirectory(async (directory) => {
      const volume = join(directory, "data");
      mkdirSync(volume);
      chownSync(volume, 0, 1_000_720_000);
      chmodSync(volume, 0o2770);
      await serves({ uid: 1_000_720_000, gid: 0, groups: "1000720000", volume });
    }));
});
