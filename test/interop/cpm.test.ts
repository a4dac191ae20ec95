import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeArchive } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { goMissing, runProgram } from "../support/go-program.ts";
import { onBothDatabases } from "../support/registry.ts";

/*
 * The real cpm program with the change of docs/go-client.md. Its source is not part of this
 * repository: CPM_SOURCE names a copy.
 */

const ROOT = join(import.meta.dir, "../..");
const source = process.env.CPM_SOURCE;
const missing = source === undefined ? "CPM_SOURCE does not name the cpm program's source" : await goMissing(source);
if (missing !== undefined) console.log(`Not tested: the cpm program. ${missing}`);

const scratch = mkdtempSync(join(tmpdir(), "cpm-real-client-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const program = join(scratch, "cpm", "cpm");

/** Changes a copy of the source as docs/go-client.md says, word by word, and builds it. */
async function build(from: string): Promise<void> {
  const folder = join(scratch, "cpm");
  cpSync(from, folder, { recursive: true, filter: (path) => !path.includes("/.git") });
  const document = await Bun.file(join(ROOT, "docs/go-client.md")).text();
  const [, file = ""] = /```go\n(package registry\n[^`]*)```/.exec(document) ?? [];
  const [, commands = ""] = /```shell\n(sed [^`]*)```/.exec(document) ?? [];
  writeFileSync(join(folder, "internal/infra/registry/registry.go"), file);
  expect(await runProgram(["sh", "-euc", commands], folder, { registry: ROOT })).toMatchObject({ status: 0 });
}

/** A user of the program: an account, a token, a key, a home and a directory to work in. */
interface Person {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  run(...args: readonly string[]): Promise<string>;
}

function person(url: string, token: string, key: string): Person {
  const home = mkdtempSync(join(scratch, "home-"));
  const directory = mkdtempSync(join(scratch, "work-"));
  const environment = { CPM_HOME: home, CPM_REGISTRY: url, CPM_API_TOKEN: token, CPM_SIGNING_KEY: key, TMPDIR: home };
  const run = async (...args: readonly string[]) => {
    const { status, output } = await runProgram([program, ...args], directory, environment);
    // The program exits with 0 whatever happens, so that only its output says anything.
    expect(status).toBe(0);
    return output;
  };
  return { directory, environment, run };
}

async function tokenOf(account: Client, packages: readonly string[]): Promise<string> {
  const scopes = ["read", "publish-new", "publish-update"];
  const made = await account.post("/api/auth/tokens", { label: "cpm", scopes, packages });
  expect(made.status).toBe(201);
  return made.body.token;
}

function writePackage({ directory }: Person, name: string, version: string): void {
  mkdirSync(join(directory, "packages", name, "templates"), { recursive: true });
  const write = (path: string, text: string) => writeFileSync(join(directory, "packages", name, path), text);
  write("colony.yaml", `apiVersion: v1\nname: ${name}\nversion: ${version}\ndescription: made for a test\n`);
  write("values.yaml", "replicas: 2\n");
  write("templates/workflow.json", '{"name": "from-the-registry", "replicas": {{ .Values.replicas }}}\n');
}

describe.skipIf(missing !== undefined)("the cpm program", () => {
  beforeAll(() => build(source ?? ""), 300_000);

  onBothDatabases("against a registry", (registry) => {
    let pem: Person;
    let hex: Person;
    let owner: Client;
    const key = makeKey();

    beforeAll(async () => {
      owner = await newAccount(registry(), "pem");
      const text = key.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
      pem = person(registry().url, await tokenOf(owner, ["real-*"]), text);
      const seed = makeKey().privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("hex");
      hex = person(registry().url, await tokenOf(await newAccount(registry(), "hex"), ["*"]), seed);
    });

    test("it publishes with a PEM key and a restricted token, searches and installs", async () => {
      for (const version of ["0.1.0", "0.2.0"]) {
        writePackage(pem, "real-one", version);
        expect(await pem.run("publish", "packages/real-one")).toContain(
          `Published real-one ${version} to ${registry().url}, log index `,
        );
      }
      expect(await pem.run("search", "real-one")).toContain("real-one-0.2.0.cpm");
      expect(await pem.run("install", "real-one", "--version", "0.1.0")).toContain(
        "Verified real-one 0.1.0, signed by ",
      );
      const latest = await hex.run("install", "real-one", "--version", "latest");
      expect(latest).toContain(`Verified real-one 0.2.0, signed by ${key.publicHex}`);
      expect(latest).toContain("Installation complete.");
    });

    test("it publishes with a key in hex", async () => {
      writePackage(hex, "hex-one", "1.0.0");
      expect(await hex.run("publish", "packages/hex-one")).toContain(
        "Package hex-one version 1.0.0 published successfully.",
      );
      expect(await pem.run("install", "hex-one", "--version", "1.0.0")).toContain("Installation complete.");
    });

    test("what the registry refuses is reported", async () => {
      writePackage(pem, "other-one", "0.1.0");
      expect(await pem.run("publish", "packages/other-one")).toContain("[insufficient_scope]");
      writePackage(pem, "real-two", "0.1.0");
      expect(await pem.run("publish", "packages/real-two")).toContain("published successfully.");
      writeFileSync(join(pem.directory, "packages/real-two/values.yaml"), "replicas: 3\n");
      expect(await pem.run("publish", "packages/real-two")).toContain("[version_exists]");
      expect(await pem.run("install", "real-two", "--version", "9.9.9")).toContain("[version_not_found]");
    });

    test("a tampered download is not installed", async () => {
      writePackage(pem, "real-three", "0.1.0");
      await pem.run("publish", "packages/real-three");
      using proxy = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: async (request) => {
          const { pathname, search } = new URL(request.url);
          const response = await fetch(registry().url + pathname + search, { headers: request.headers });
          const bytes = new Uint8Array(await response.arrayBuffer());
          if (pathname.endsWith("/download")) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
          return new Response(bytes, {
            status: response.status,
            headers: { etag: response.headers.get("etag") ?? "" },
          });
        },
      });
      const { CPM_API_TOKEN = "", CPM_SIGNING_KEY = "" } = pem.environment;
      const victim = person(`http://127.0.0.1:${proxy.port}`, CPM_API_TOKEN, CPM_SIGNING_KEY);
      const output = await victim.run("install", "real-three", "--version", "0.1.0");
      expect(output).toContain("[archive_differs]");
      expect(output).not.toContain("Installation complete.");
      const left = new Bun.Glob("**/*.{cpm,partial}").scanSync({ cwd: victim.environment.CPM_HOME ?? "", dot: true });
      expect([...left]).toEqual([]);
    });

    test("an archive that was packed on Windows is installed from the registry, and not from a file", async () => {
      const archive = makeArchive({
        "colony.yaml": "apiVersion: v1\nname: windows\nversion: 1.0.0\ndescription: made for a test\n",
        "templates\\workflow.json": '{"name": "windows"}',
      });
      expect((await owner.publish("windows", "1.0.0", archive, key)).status).toBe(201);
      const output = await pem.run("install", "windows", "--version", "1.0.0");
      expect(output).toContain("Installation complete.");
      writeFileSync(join(pem.directory, "windows.cpm"), archive);
      expect(await pem.run("install", "windows.cpm")).toContain("templates directory not found");
    });

    test("its own limits are those of docs/go-client.md", async () => {
      await hex.run("init", "bare");
      expect(await hex.run("publish", "bare")).toContain("it installs nothing");
      mkdirSync(join(hex.directory, "elsewhere"), { recursive: true });
      writePackage(hex, "itself", "1.0.0");
      const inside = { ...hex.environment };
      await runProgram([program, "publish", "."], join(hex.directory, "packages/itself"), inside);
      const { body } = await owner.get("/api/packages/itself/1.0.0/files");
      expect(body.items.map(({ path }: { path: string }) => path)).toContain("itself-1.0.0.cpm");
      const elsewhere = await runProgram(
        [program, "install", "bare", "--version", "latest"],
        join(hex.directory, "elsewhere"),
        inside,
      );
      expect(elsewhere).toMatchObject({ status: 0, output: expect.stringContaining("no templates found") });
      expect(await hex.run("install", "real-one", "--version", "latest")).toContain("Verified real-one 0.2.0");
      expect(await hex.run("list")).toMatch(/from-the-registry\s+0\.1\.0/);
      const left = new Bun.Glob("cpm-fetch-*/*.cpm").scanSync({ cwd: hex.environment.CPM_HOME ?? "" });
      expect([...left].length).toBeGreaterThan(0);
      mkdirSync(join(hex.directory, "real-one"), { recursive: true });
      expect(await hex.run("install", "real-one", "--version", "latest")).toContain(
        "Error installing package: render failed",
      );
    });
  });
});
