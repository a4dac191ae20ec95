import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient } from "../../src/client/api-client.ts";
import { ClientFault } from "../../src/client/client-fault.ts";
import { downloadVerified } from "../../src/client/verified-download.ts";
import { KnownKeys } from "../../src/verify/known-keys.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";
import { goStyleArchive, makePackage, manifestOf } from "../support/archive-maker.ts";
import { makeKey, newAccount, sha256 } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { archiveIn, stalling } from "./bad-registry.ts";
import { badScene } from "./scene.ts";

/** Large enough that it is not one piece of a body. */
const archive = goStyleArchive({
  "colony.yaml": manifestOf({ name: "hello", version: "0.1.0" }),
  "templates/a.json": "{}",
  data: randomBytes(1_500_000),
});
const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  const key = makeKey();
  expect((await publisher.publish("hello", "0.1.0", archive, key)).status).toBe(201);
  const other = makePackage({ name: "other", version: "0.1.0" });
  expect((await publisher.publish("other", "0.1.0", other, key)).status).toBe(201);
});

const { run } = scene;
const isDownload = (path: string) => path.endsWith("/download");
const FILE = "hello-0.1.0.cpm";

/** The files of the user besides what is remembered of logs and keys. */
async function filesLeft(): Promise<string[]> {
  const entries = await readdir(scene.user.directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return files.filter((name) => /\.cpm|^[0-9a-f]{64}/.test(name) && !/\.json$/.test(name));
}

describe("download", () => {
  test("saves the archive once it is verified, and prints its path alone", async () => {
    const ran = await run("download", "hello");
    expect([ran.stderr.includes("is verified"), ran.code]).toEqual([true, 0]);
    expect(ran.stdout).toBe(`${join(scene.user.directory, FILE)}\n`);
    expect(sha256(await readFile(join(scene.user.directory, FILE)))).toBe(sha256(archive));
    expect(await filesLeft()).toEqual([FILE]);
    // A package is as readable as the user's other files. What was seen is not.
    expect((await stat(join(scene.user.directory, FILE))).mode & 0o777).toBe(0o666 & ~process.umask());
    // What was seen is remembered, for the next download.
    expect(await readFile(join(scene.user.home, "known-keys.json"), "utf8")).toContain("hello");
  });

  test("saves several packages, and names them in one document", async () => {
    const { code, stdout } = await run("download", "hello@0.1.0", "other", "--output", "in/here", "--json");
    expect(code).toBe(0);
    const { packages } = JSON.parse(stdout);
    expect(packages.map((each: { path: string }) => each.path)).toEqual([
      archiveIn(join(scene.user.directory, "in/here"), "hello", "0.1.0"),
      archiveIn(join(scene.user.directory, "in/here"), "other", "0.1.0"),
    ]);
    expect(packages[0]).toMatchObject({ name: "hello", sha256: sha256(archive), verified: true });
  });

  test("does not touch a file of that name with other contents, unless forced", async () => {
    await writeFile(join(scene.user.directory, FILE), "mine");
    const refused = await run("download", "hello");
    expect([refused.code, refused.stderr.includes("--force")]).toEqual([1, true]);
    expect(await readFile(join(scene.user.directory, FILE), "utf8")).toBe("mine");
    expect((await run("download", "hello", "--force")).code).toBe(0);
    expect(sha256(await readFile(join(scene.user.directory, FILE)))).toBe(sha256(archive));
  });

  test("unpacks into a new directory, and into no other", async () => {
    const ran = await run("download", "hello", "--extract", "tree");
    expect([ran.stderr.includes("is verified"), ran.code]).toEqual([true, 0]);
    const files = await readdir(join(scene.user.directory, "tree"), { recursive: true });
    expect(files.toSorted()).toEqual(["colony.yaml", "data", "templates", "templates/a.json"]);
    expect((await stat(join(scene.user.directory, "tree/colony.yaml"))).mode & 0o777).toBe(0o666 & ~process.umask());
    expect(await filesLeft()).toEqual([]);
    const again = await run("download", "hello", "--extract", "tree");
    expect([again.code, again.stderr.includes("is not empty")]).toEqual([1, true]);
  });

  test("suggests the package that was probably meant", async () => {
    const { code, stderr } = await run("download", "helo");
    expect([code, stderr.includes("Did you mean hello?")]).toEqual([1, true]);
  });

  test.each(["SIGINT", "SIGKILL"] as const)(
    "a download that %s ends leaves nothing under its name, and the next one goes on where it ended",
    async (signal) => {
      const half = archive.subarray(0, archive.length / 2);
      scene.bad.misbehave = (_, path) => (isDownload(path) ? new Response(stalling([half])) : undefined);
      const child = scene.user.start(["download", "hello", "--registry", scene.bad.url]);
      const partials = join(scene.user.home, "partial");
      await waitUntil(async () => {
        const [name] = await readdir(partials).catch(() => []);
        return name !== undefined && Bun.file(join(partials, name)).size === half.length;
      }, "half of the archive is there");
      child.kill(signal);
      await child.exited;
      // A shell reports an interrupted program as 130.
      expect(child.signalCode).toBe(signal);
      expect((await filesLeft()).filter((name) => name.endsWith(".cpm"))).toEqual([]);
      scene.bad.reset();
      expect((await run("download", "hello")).code).toBe(0);
      expect(scene.bad.seen.filter(({ path }) => isDownload(path))).toEqual([
        { path: "/api/packages/hello/0.1.0/download", range: `bytes=${half.length}-` },
      ]);
      expect(sha256(await readFile(join(scene.user.directory, FILE)))).toBe(sha256(archive));
      expect(await filesLeft()).toEqual([FILE]);
    },
  );
});

describe("a registry that behaves badly", () => {
  /** Downloads in this process with short waits, and returns how it failed and what it left. */
  async function attempt(tries = 5) {
    const notes: string[] = [];
    const client = new ApiClient({
      address: {
        url: scene.bad.url,
        origin: scene.bad.url,
        certificates: undefined,
        logKey: undefined,
        source: "option" as const,
      },
      token: undefined,
      note: (text) => notes.push(text),
      pace: { tries, firstWaitMs: 2, retryAfterMaxMs: 50 },
      answerMaxMs: 400,
    });
    const directory = join(scene.user.home, "partial");
    const seenLogs = new SeenLogs(join(scene.user.home, "log"));
    const knownKeys = new KnownKeys(join(scene.user.home, "known-keys.json"));
    const none = { vkey: undefined, policy: undefined };
    const trust = { client: client.forVerification(), seenLogs, knownKeys, now: new Date(), ...none };
    const asked = { name: "hello", version: undefined };
    const ended = await downloadVerified(asked, { client, trust, directory, report: () => () => undefined }).then(
      ({ path }) => ({ kind: "done", code: "", detail: path, codes: [] }),
      (cause: unknown) => {
        if (!(cause instanceof ClientFault)) throw cause;
        const { code, detail, errors = [] } = cause.problem;
        return { kind: cause.kind, code, detail, codes: errors.map((line) => line.code) };
      },
    );
    return { ...ended, left: await filesLeft() };
  }

  const answering = (make: () => Response) => {
    scene.bad.misbehave = (_, path) => (isDownload(path) ? make() : undefined);
  };
  /** Passes the request on. */
  const honestly = undefined as never;
  const downloads = () => scene.bad.seen.filter(({ path }) => isDownload(path)).length;

  test("that cuts the connection is asked for the rest", async () => {
    let cut = 0;
    answering(() => {
      cut += 1;
      if (cut > 3) return honestly;
      const body = new Uint8Array(archive.subarray(0, 400_000 * cut));
      return new Response(body, { headers: { "content-type": "application/gzip" } });
    });
    // Each answer is whole for HTTP, and shorter than the registry promised.
    const { kind } = await attempt();
    expect([kind, downloads()]).toEqual(["done", 4]);
    expect(scene.bad.seen.filter(({ path }) => isDownload(path)).at(-1)?.range).toBe("bytes=1200000-");
  });

  test("that stalls is given up after its tries, and what came is kept for the next run only", async () => {
    answering(() => new Response(stalling([archive.subarray(0, 1000)])));
    const { kind, detail, left } = await attempt(2);
    expect([kind, left]).toEqual(["unavailable", [expect.stringMatching(/^[0-9a-f]{64}\.\d+$/)]]);
    expect(detail).toContain("no whole answer");
  });

  test.each([429, 503])("that answers %i is asked again, and then reported", async (status) => {
    answering(() => new Response("", { status, headers: { "retry-after": "0" } }));
    const { kind, left } = await attempt();
    expect([kind, downloads(), left]).toEqual(["unavailable", 5, []]);
  });

  test("that asks for more patience than a minute is reported at once", async () => {
    answering(() => new Response("", { status: 429, headers: { "retry-after": "3600" } }));
    const { kind } = await attempt();
    expect([kind, downloads()]).toEqual(["unavailable", 1]);
  });

  test("that flips a byte is asked for all of it once more, and then refused", async () => {
    const flipped = Uint8Array.from(archive);
    flipped[700_000] = (flipped[700_000] ?? 0) ^ 1;
    answering(() => new Response(flipped));
    const { kind, code, left } = await attempt();
    expect([kind, code, downloads(), left]).toEqual(["failed", "client_digest_mismatch", 2, []]);
  });

  test("a byte that flips once is mended", async () => {
    const flipped = Uint8Array.from(archive);
    flipped[700_000] = (flipped[700_000] ?? 0) ^ 1;
    let asked = 0;
    answering(() => {
      asked += 1;
      return asked === 1 ? new Response(flipped) : honestly;
    });
    expect([(await attempt()).kind, downloads()]).toEqual(["done", 2]);
  });

  test("that sends ten gigabytes is cut off", async () => {
    let sent = 0;
    answering(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent += 1;
              if (sent > 10_000) controller.close();
              else controller.enqueue(new Uint8Array(1_000_000));
            },
          }),
        ),
    );
    const { kind, code, left } = await attempt();
    expect([kind, code, left]).toEqual(["failed", "client_too_long", []]);
    expect(sent).toBeLessThan(200);
  });

  test("that promises ten gigabytes is not asked for them", async () => {
    scene.bad.misbehave = async (_, path) => {
      if (!path.endsWith("/latest")) return honestly;
      const honest = Object(await (await fetch(`${scene.registry.url}${path}`)).json());
      return Response.json({ ...honest, size: 10_000_000_000 });
    };
    const { kind, code, left } = await attempt();
    expect([kind, code, downloads(), left]).toEqual(["failed", "client_too_long", 0, []]);
  });

  test("a proxy's HTML page is no archive, and no answer of a registry", async () => {
    const page = () => new Response("<html>Please log in", { headers: { "content-type": "text/html" } });
    answering(page);
    expect(await attempt()).toMatchObject({ kind: "unavailable", code: "client_not_a_registry", left: [] });
    scene.bad.misbehave = page;
    expect(await attempt()).toMatchObject({ kind: "unavailable", code: "client_not_a_registry", left: [] });
  });

  test("that names another package than was asked for is refused", async () => {
    scene.bad.misbehave = (_, path) =>
      path.includes("/hello/") ? fetch(`${scene.registry.url}${path.replace("/hello/", "/other/")}`) : undefined;
    expect(await attempt()).toMatchObject({ kind: "unavailable", code: "client_not_a_registry", left: [] });
  });

  test("that serves other bytes, and owns up to them, fails the checks of the log", async () => {
    const forged = makePackage({ name: "hello", version: "0.1.0", files: { evil: "x" } });
    scene.bad.misbehave = async (_, path) => {
      if (isDownload(path)) return new Response(new Uint8Array(forged));
      if (!path.endsWith("/latest")) return honestly;
      const honest = Object(await (await fetch(`${scene.registry.url}${path}`)).json());
      return Response.json({ ...honest, sha256: sha256(forged), size: forged.length });
    };
    const { kind, code, left, codes } = await attempt();
    expect([kind, code, left]).toEqual(["failed", "client_not_verified", []]);
    expect(codes).toContain("leaf_mismatch");
  });
});
