import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { TARGET_NAMES } from "../../scripts/build.ts";
import { readReleaseKey, signText } from "../../scripts/release/sign.ts";
import { blocksOf, readDocument } from "../docs/documents.ts";
import { checkOutRelease, cutNextRelease, NEXT_VERSION, runIn } from "../support/made-release.ts";
import { installPythonProgram } from "../support/python-program.ts";

/*
 * A release is made twice: as docs/releasing.md says, and by the steps of
 * .github/workflows/release.yml, in another place, time zone and umask. The long form makes it for
 * all systems, and fetches six executables of Bun for that.
 */

const LONG = process.env.TEST_LONG === "1";
const HERE = "linux-x64";
const TARGETS = LONG ? TARGET_NAMES : [HERE];
const MAKE_TIMEOUT_MS = LONG ? 1_800_000 : 600_000;
// Archives have fifty megabytes each.
setDefaultTimeout(240_000);
const ROOT = resolve(import.meta.dir, "../..");
const REPOSITORY = "example/cpm-registry";
const ADDRESS = `https://github.com/${REPOSITORY}/releases/download/v${NEXT_VERSION}`;
const isHere = `${process.platform}-${process.arch}` === HERE;
const python = installPythonProgram("python", join(import.meta.dir, "cyclonedx/requirements.txt"));
if ("missing" in python) console.warn(`Skipped: bills of materials are not compared with a schema: ${python.missing}`);
if (!isHere) console.warn(`Skipped: releases have the same bytes only where they are made on ${HERE}.`);

/** What the first bytes of an executable say about the system that it is for. */
function systemOf(executable: Buffer): string | undefined {
  const isElf = executable.readUInt32BE(0) === 0x7f454c46;
  if (isElf) {
    const processor = { 62: "x64", 183: "arm64" }[executable.readUInt16LE(18)];
    return `linux-${processor}${executable.subarray(0, 4_096).includes("/ld-musl-") ? "-musl" : ""}`;
  }
  const isMachO = executable.readUInt32LE(0) === 0xfeedfacf;
  if (isMachO) return `darwin-${{ 16777223: "x64", 16777228: "arm64" }[executable.readUInt32LE(4)]}`;
  const header = executable.readUInt32LE(0x3c);
  const isPortable = executable.toString("latin1", 0, 2) === "MZ" && executable.readUInt32LE(header) === 0x4550;
  return isPortable && executable.readUInt16LE(header + 4) === 0x8664 ? "windows-x64" : undefined;
}

interface Job {
  readonly steps: readonly { readonly run?: string; readonly env?: Readonly<Record<string, string>> }[];
}

/** The commands of a job of the workflow that a machine needs no GitHub for. */
function commandsOf(job: string): string[] {
  const { jobs }: { jobs: Record<string, Job> } = parse(
    readFileSync(join(ROOT, ".github/workflows/release.yml"), "utf8"),
  );
  const commands = jobs[job]?.steps.flatMap(({ run }) => run ?? []) ?? [];
  return commands.filter((command) => !/^(git config --global|gh) /.test(command));
}

describe.skipIf(!isHere)("a release", () => {
  let directory: string;
  let commit: string;
  const inFirst = (...names: string[]) => join(directory, "first/dist/release", ...names);
  const nameOf = (target: string) => `cpm-registry-${NEXT_VERSION}-${target}`;

  /** An `npm` before the real one, for checkouts that have their packages already. */
  function addNpm(): string {
    const bin = join(directory, "bin");
    mkdirSync(bin);
    const release = `exec '${process.execPath}' scripts/release.ts --target ${TARGETS.join(",")} "$@"`;
    const real = `exec '${Bun.which("npm")}' "$@"`;
    const script = `#!/bin/sh\nif [ "$1 $2 $3" = "run release --" ]; then shift 3; ${release}; fi\n${real}\n`;
    writeFileSync(join(bin, "npm"), script);
    chmodSync(join(bin, "npm"), 0o755);
    return `${bin}:${process.env.PATH}`;
  }

  const documented = (page: string, under: string, having: string) => {
    const blocks = blocksOf(readDocument(page)).filter(({ heading }) => heading === under);
    const found = blocks.find(({ text }) => text.includes(having));
    if (found === undefined) throw new Error(`${page} has no command with ${having} under ${under}`);
    return found.text;
  };

  /** Makes the key and the release. */
  async function makeAsDocumented(path: string): Promise<void> {
    const makeKey = documented("docs/releasing.md", "The key that signs", "openssl");
    const make = documented("docs/releasing.md", "Make a release", "--key").replace(/https:\S+/, ADDRESS);
    await runIn(join(directory, "first"), ["sh", "-euc", makeKey + make], { PATH: path, HOME: directory });
  }

  async function makeByWorkflow(checkout: string, path: string): Promise<void> {
    const pem = readFileSync(join(directory, "release.pem"), "utf8");
    const env = { GITHUB_REPOSITORY: REPOSITORY, GITHUB_REF_NAME: `v${NEXT_VERSION}`, RELEASE_SIGNING_KEY: pem };
    const commands = ["umask 077", ...commandsOf("build")].join("\n");
    await runIn(checkout, ["sh", "-euc", commands], { ...env, PATH: path, TZ: "Asia/Tokyo", LANG: "C" });
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpm-release-"));
    const path = addNpm();
    const other = join(directory, "another/place/than the first");
    await cutNextRelease(join(directory, "repository"));
    for (const each of [join(directory, "first"), other]) await checkOutRelease(join(directory, "repository"), each);
    commit = await runIn(other, ["git", "rev-parse", "HEAD"]);
    await makeAsDocumented(path);
    await makeByWorkflow(other, path);
    // As the artifacts of its two builds lie in the job that publishes.
    await runIn(directory, ["ln", "-s", "first/dist/release", "release-first"]);
    await runIn(directory, ["ln", "-s", join(other, "dist/release"), "release-second"]);
  }, MAKE_TIMEOUT_MS);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("has the same bytes as the workflow makes in another place, time zone and umask", async () => {
    const [compare = ""] = commandsOf("publish");
    expect(compare).toStartWith("diff ");
    expect(await runIn(directory, ["sh", "-euc", compare])).toBe("");
    await runIn(directory, ["sh", "-euc", "echo >> release-second/install.sh"]);
    await expect(runIn(directory, ["sh", "-euc", compare])).rejects.toThrow("install.sh");
  });

  test("has an archive for each system, a bill of materials, signed checksums and install.sh", () => {
    const archives = TARGETS.map((target) => `${nameOf(target)}.${target.startsWith("windows") ? "zip" : "tar.gz"}`);
    const listed = [...archives, `cpm-registry-${NEXT_VERSION}.cdx.json`];
    const others = ["SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.minisig", "install.sh"];
    expect(readdirSync(inFirst()).sort()).toEqual([...listed, ...others].sort());
    const sums = readFileSync(inFirst("SHA256SUMS"), "utf8").trimEnd().split("\n");
    expect(sums.map((line) => line.split("  ")[1])).toEqual(listed);
    const { metadata } = JSON.parse(readFileSync(inFirst(`cpm-registry-${NEXT_VERSION}.cdx.json`), "utf8"));
    expect(metadata.component).toMatchObject({
      version: NEXT_VERSION,
      properties: [{ name: "commit", value: commit }],
    });
  });

  test.skipIf("missing" in python)("has a bill of materials that follows the strict schema of CycloneDX", async () => {
    const bill = inFirst(`cpm-registry-${NEXT_VERSION}.cdx.json`);
    const program = "program" in python ? python.program : "";
    const compare = (file: string) => runIn(directory, [program, join(import.meta.dir, "cyclonedx/validate.py"), file]);
    expect(await compare(bill)).toBe("");
    const wrong = join(directory, "wrong.cdx.json");
    writeFileSync(wrong, readFileSync(bill, "utf8").replace('"type": "framework"', '"type": "frame"'));
    await expect(compare(wrong)).rejects.toThrow("frame");
  });

  test("is accepted by the commands of docs/self-hosting.md that verify it by hand", async () => {
    const { sshKey, minisignKey } = signText(
      "",
      readReleaseKey(readFileSync(join(directory, "release.pem"), "utf8")),
      "",
    );
    const byHand = documented("docs/self-hosting.md", "Install", "ssh-keygen");
    const commands = byHand.replace("ssh-ed25519 AAAA…", sshKey).replace("RWQ…", minisignKey);
    const possible = commands.split("\n").filter((line) => Bun.which("minisign") || !line.startsWith("minisign"));
    const printed = await runIn(inFirst(), ["sh", "-euc", possible.join("\n")]);
    rmSync(inFirst("signers"));
    expect(printed).toContain('Good "cpm-registry" signature for release');
    for (const target of TARGETS) expect(printed).toContain(`${nameOf(target)}.`);
  });

  test.each(TARGETS)("has an executable for %s in its archive, beside the documents", async (target) => {
    const unpacked = join(directory, target);
    mkdirSync(unpacked);
    const isWindows = target.startsWith("windows");
    const unzip = ["python3", "-m", "zipfile", "-e", inFirst(`${nameOf(target)}.zip`), unpacked];
    await runIn(unpacked, isWindows ? unzip : ["tar", "-xzf", inFirst(`${nameOf(target)}.tar.gz`)]);
    const inArchive = (...names: string[]) => join(unpacked, nameOf(target), ...names);
    const program = isWindows ? "cpm-registry.exe" : "cpm-registry";
    expect(systemOf(readFileSync(inArchive(program)))).toBe(target);
    const service = target.startsWith("linux") ? ["systemd"] : [];
    expect(readdirSync(inArchive())).toEqual(expect.arrayContaining([program, "README.md", "docs", ...service]));
    expect(readdirSync(inArchive("completions"))).toHaveLength(4);
    if (target !== HERE) return;
    const version = await runIn(unpacked, [inArchive(program), "version", "--json"]);
    expect(JSON.parse(version)).toMatchObject({ version: NEXT_VERSION, commit });
    expect(await runIn(unpacked, [inArchive(program), "version"])).toContain(commit);
  });
});

test("the workflow of a release builds in the exact image of Node that compose.yaml has", () => {
  const workflow = readFileSync(join(ROOT, ".github/workflows/release.yml"), "utf8");
  const [, image] = /container: (\S+)/.exec(workflow) ?? [];
  const compose = parse(readFileSync(join(ROOT, "compose.yaml"), "utf8"));
  expect(`${image}-slim`).toBe(compose.services.registry.build.args.NODE_IMAGE);
});
