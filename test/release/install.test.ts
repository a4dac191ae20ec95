import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { installScript } from "../../scripts/release/install-script.ts";
import { tarGz } from "../../scripts/release/pack-release.ts";
import { signText } from "../../scripts/release/sign.ts";

const ROOT = resolve(import.meta.dir, "../..");
const NAME = "cpm-registry-9.8.7-linux-x64";
const PROGRAM = "#!/bin/sh\necho 'cpm-registry 9.8.7'\n";
const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "ash"]].filter(([shell]) => Bun.which(shell ?? ""));
const KEY = generateKeyPairSync("ed25519").privateKey;

let directory: string;
let server: Bun.Server<undefined>;
const files = new Map<string, Uint8Array | string>();

/** Serves these files as a release, with the right signatures of `sums`. */
function serve(archive: Uint8Array, sums: string, key = KEY): void {
  const signed = signText(sums, key, "cpm-registry 9.8.7");
  files.clear();
  files.set(`${NAME}.tar.gz`, archive).set("SHA256SUMS", sums);
  files.set("SHA256SUMS.sig", signed.ssh).set("SHA256SUMS.minisig", signed.minisign);
}

const sumOf = (archive: Uint8Array, name = `${NAME}.tar.gz`) =>
  `${createHash("sha256").update(archive).digest("hex")}  ${name}\n`;

async function serveGood(program = PROGRAM): Promise<void> {
  const file = { path: "cpm-registry", bytes: Buffer.from(program), isExecutable: true };
  const archive = await tarGz(NAME, [file], new Date(1_700_000_000_000));
  serve(archive, sumOf(archive) + sumOf(Buffer.of(1), `${NAME}-musl.tar.gz`));
}

/** A directory whose programs are all that a run finds. `without` are left out, `fake` are scripts. */
function toolbox(without: readonly string[] = [], fake: Readonly<Record<string, string>> = {}): string {
  const tools = mkdtempSync(join(directory, "tools-"));
  const names = ["sh", "curl", "wget", "ssh-keygen", "openssl", "sha256sum", "cut", "grep", "tar", "gzip", "mktemp"];
  const more = ["cp", "mv", "rm", "chmod", "mkdir", "id", "uname", "ldd", "sed", "tail", "cat", "head"];
  for (const name of [...names, ...more].filter((each) => !without.includes(each))) {
    const path = Bun.which(name);
    if (path !== null && !(name in fake))
      writeFileSync(join(tools, name), `#!/bin/sh\nexec ${path} "$@"\n`, { mode: 0o755 });
  }
  for (const [name, text] of Object.entries(fake))
    writeFileSync(join(tools, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return tools;
}

interface Run {
  readonly shell?: readonly string[];
  readonly args?: readonly string[];
  readonly tools?: string;
}

/** Runs the script of the release and returns what it did and what it left. */
async function install({ shell = ["sh"], args = ["--target", "linux-x64"], tools = toolbox() }: Run = {}) {
  const place = mkdtempSync(join(directory, "place-"));
  const temporary = mkdtempSync(join(directory, "tmp-"));
  const script = join(directory, "install.sh");
  const signed = signText("", KEY, "");
  writeFileSync(script, installScript(ROOT, { key: signed.sshKey, baseUrl: `http://127.0.0.1:${server.port}/` }));
  const [program = "sh", ...rest] = shell;
  const child = Bun.spawn([Bun.which(program) ?? program, ...rest, script, "--dir", join(place, "bin"), ...args], {
    env: { PATH: tools, HOME: place, TMPDIR: temporary, LANG: "C" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
  const exitCode = await child.exited;
  const installed = existsSync(join(place, "bin")) ? readdirSync(join(place, "bin")) : [];
  return { exitCode, stdout, stderr, installed, left: readdirSync(temporary), place };
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cpm-install-"));
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const found = files.get(new URL(url).pathname.slice(1));
      return found === undefined ? new Response("", { status: 404 }) : new Response(Buffer.from(found));
    },
  });
});
afterAll(async () => {
  await server.stop(true);
  rmSync(directory, { recursive: true, force: true });
});

describe("install.sh installs a release that verifies", () => {
  test.each(SHELLS.map((shell) => [shell.join(" "), shell] as const))("under %s", async (_, shell) => {
    await serveGood();
    const { exitCode, stdout, stderr, installed, left, place } = await install({ shell });
    expect([exitCode, stderr, installed, left]).toEqual([0, "", ["cpm-registry"], []]);
    expect(stdout).toContain(`Installed cpm-registry 9.8.7 as ${place}/bin/cpm-registry.`);
    expect(readFileSync(join(place, "bin/cpm-registry"), "utf8")).toBe(PROGRAM);
  });

  test.each([
    ["wget instead of curl", ["curl"]],
    ["OpenSSL instead of ssh-keygen", ["ssh-keygen"]],
  ])("with %s", async (_, without) => {
    await serveGood();
    expect(await install({ tools: toolbox(without) })).toMatchObject({
      exitCode: 0,
      installed: ["cpm-registry"],
      left: [],
    });
  });

  test.each([
    ["linux-x64", "Linux", "x86_64", "ldd (Debian GLIBC 2.36) 2.36"],
    ["linux-x64-musl", "Linux", "x86_64", "musl libc (x86_64)"],
    ["linux-arm64", "Linux", "aarch64", "ldd (GNU libc) 2.39"],
    ["darwin-arm64", "Darwin", "arm64", ""],
    ["darwin-x64", "Darwin", "x86_64", ""],
  ])("choosing %s on %s %s", async (target, system, machine, ldd) => {
    serve(Buffer.of(), sumOf(Buffer.of(1), "other.tar.gz"));
    const tools = toolbox([], {
      uname: `[ "$1" = -s ] && echo ${system} || echo ${machine}`,
      ldd: `echo '${ldd}'`,
      sysctl: "exit 1",
    });
    const { exitCode, stderr } = await install({ args: [], tools });
    expect([exitCode, stderr]).toEqual([1, `install.sh: the release has no archive for ${target}.\n`]);
  });
});

describe("install.sh installs nothing and leaves nothing", () => {
  async function refused(run: Run = {}): Promise<string> {
    const { exitCode, stderr, installed, left } = await install(run);
    expect([exitCode, installed, left]).toEqual([1, [], []]);
    return stderr;
  }

  test.each([
    ["ssh-keygen", []],
    ["OpenSSL", ["ssh-keygen"]],
  ])("when another key signed, as %s sees", async (_, without) => {
    await serveGood();
    const archive = files.get(`${NAME}.tar.gz`);
    const other = generateKeyPairSync("ed25519").privateKey;
    serve(Buffer.from(archive ?? ""), String(files.get("SHA256SUMS")), other);
    expect(await refused({ tools: toolbox(without) })).toContain("SHA256SUMS is wrong. Nothing was installed.");
  });

  test.each([
    ["ssh-keygen", []],
    ["OpenSSL", ["ssh-keygen"]],
  ])("when the checksums were changed after signing, as %s sees", async (_, without) => {
    await serveGood();
    files.set("SHA256SUMS", `${files.get("SHA256SUMS")}\n`);
    expect(await refused({ tools: toolbox(without) })).toContain("the signature of http");
  });

  test("when the archive is another one", async () => {
    await serveGood();
    files.set(`${NAME}.tar.gz`, Buffer.from("something else"));
    expect(await refused()).toContain(`the checksum of http://127.0.0.1:${server.port}/${NAME}.tar.gz is wrong.`);
  });

  test("when a file is missing", async () => {
    await serveGood();
    files.delete(`${NAME}.tar.gz`);
    expect(await refused()).toContain("cannot be downloaded.");
    files.delete("SHA256SUMS.sig");
    expect(await refused()).toContain("SHA256SUMS.sig cannot be downloaded.");
  });

  test("when the executable does not run here", async () => {
    await serveGood("#!/bin/sh\nexit 1\n");
    expect(await refused()).toContain("does not run on this machine");
  });

  test("without a program that verifies, without a key, and from an address without TLS", async () => {
    await serveGood();
    const old = { openssl: "echo LibreSSL 3.3.6" };
    expect(await refused({ tools: toolbox(["ssh-keygen"], old) })).toContain("Install one of them.");
    expect(await refused({ args: ["--key", "none"] })).toContain("no key that signs releases");
    expect(await refused({ args: ["--base-url", "http://example.org"] })).toContain("is not an https:// address");
  });

  test("when the script itself was cut short", async () => {
    await serveGood();
    const whole = readFileSync(join(ROOT, "deploy/install.sh"), "utf8");
    const script = join(directory, "cut.sh");
    writeFileSync(script, whole.slice(0, -'main "$@"\n'.length));
    const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", script]);
    expect([exitCode, stdout.toString(), stderr.toString()]).toEqual([0, "", ""]);
  });
});

test("install.sh replaces an executable that is there, and keeps it when the new one is refused", async () => {
  await serveGood();
  const place = mkdtempSync(join(directory, "old-"));
  const old = join(place, "cpm-registry");
  mkdirSync(place, { recursive: true });
  writeFileSync(old, "old");
  chmodSync(old, 0o755);
  files.set(`${NAME}.tar.gz`, Buffer.from("something else"));
  const args = ["--target", "linux-x64", "--dir", place];
  expect((await install({ args })).exitCode).toBe(1);
  expect([readdirSync(place), readFileSync(old, "utf8")]).toEqual([["cpm-registry"], "old"]);
  await serveGood();
  expect((await install({ args })).exitCode).toBe(0);
  expect([readdirSync(place), readFileSync(old, "utf8")]).toEqual([["cpm-registry"], PROGRAM]);
});
