/**
 * `npm run release` makes what a release consists of, in `dist/release`:
 *
 *     npm run release                               all seven systems, from the commit that is checked out
 *     npm run release -- --target linux-x64         only these systems
 *     npm run release -- --key release.pem          signs the checksums, as RELEASE_SIGNING_KEY (a PEM) does
 *     npm run release -- --base-url https://…       the address that install.sh downloads from
 *     npm run release -- --cut 0.3.0 [--yes]        versions, changelog, commit and tag; a dry run without --yes
 *
 * The same commit gives the same bytes on linux-x64. docs/releasing.md is the guide.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../package.json" with { type: "json" };
import { compileFor, TARGET_NAMES } from "./build.ts";
import { cutRelease } from "./release/cut.ts";
import { installScript } from "./release/install-script.ts";
import { type ReleaseFile, tarGz, zip } from "./release/pack-release.ts";
import { billOfMaterials, type Release } from "./release/sbom.ts";
import { readReleaseKey, signText } from "./release/sign.ts";

const ROOT = resolve(import.meta.dir, "..");
const SHELLS = {
  bash: "cpm-registry.bash",
  zsh: "_cpm-registry",
  fish: "cpm-registry.fish",
  powershell: "cpm-registry.ps1",
};
/** Files of the repository for every system, where they exist. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"];
const SERVICE_DIRECTORY = "deploy/systemd";

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, stdin: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.toString().trim();
}

/** The release of the commit that is checked out. Throws if the checkout has other contents. */
function presentRelease(): Release {
  if (run("git", "status", "--porcelain") !== "") throw new Error("The checkout has changes. Commit them first.");
  const [commit = "", seconds] = run("git", "log", "-1", "--format=%H %ct").split(" ");
  return { version: packageFile.version, commit, time: new Date(Number(seconds) * 1_000) };
}

function fileOf(path: string, from = path): ReleaseFile {
  return { path, bytes: readFileSync(join(ROOT, from)), isExecutable: false };
}

function completions(): ReleaseFile[] {
  return Object.entries(SHELLS).map(([shell, name]) => {
    const script = run(process.execPath, "src/main.ts", "completion", shell);
    return { path: `completions/${name}`, bytes: Buffer.from(`${script}\n`), isExecutable: false };
  });
}

/** What lies beside the executable. */
function companions(target: string, scripts: readonly ReleaseFile[]): ReleaseFile[] {
  const documents = DOCUMENTS.filter((name) => existsSync(join(ROOT, name))).map((name) => fileOf(name));
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  const service = target.startsWith("linux") ? readdirSync(join(ROOT, SERVICE_DIRECTORY)) : [];
  return [
    ...documents,
    ...scripts,
    ...pages.toSorted().map((name) => fileOf(`docs/${name}`)),
    ...service.toSorted().map((name) => fileOf(`systemd/${name}`, `${SERVICE_DIRECTORY}/${name}`)),
  ];
}

async function archiveFor(target: string, release: Release, scripts: readonly ReleaseFile[]) {
  const isWindows = target.startsWith("windows");
  const directory = mkdtempSync(join(tmpdir(), "cpm-release-"));
  try {
    const name = isWindows ? "cpm-registry.exe" : "cpm-registry";
    await compileFor(target, join(directory, name), release.commit);
    const executable = { path: name, bytes: readFileSync(join(directory, name)), isExecutable: true };
    const files = [executable, ...companions(target, scripts)];
    const unpacksTo = `cpm-registry-${release.version}-${target}`;
    return isWindows
      ? { name: `${unpacksTo}.zip`, bytes: zip(unpacksTo, files, release.time) }
      : { name: `${unpacksTo}.tar.gz`, bytes: await tarGz(unpacksTo, files, release.time) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Reads the key that signs releases. Undefined if none is named. */
function releaseKey(file: string | undefined) {
  const pem = file === undefined ? process.env.RELEASE_SIGNING_KEY : readFileSync(file, "utf8");
  return pem === undefined || pem === "" ? undefined : readReleaseKey(pem);
}

interface Wishes {
  readonly targets: readonly string[];
  readonly keyFile: string | undefined;
  readonly baseUrl: string | undefined;
  readonly out: string;
}

async function makeRelease({ targets, keyFile, baseUrl, out }: Wishes): Promise<void> {
  const release = presentRelease();
  const key = releaseKey(keyFile);
  const sums: string[] = [];
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const add = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(out, name), bytes);
    sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
    console.log(sums.at(-1)?.trim());
  };
  const scripts = completions();
  for (const target of targets) {
    const { name, bytes } = await archiveFor(target, release, scripts);
    add(name, bytes);
  }
  add(`cpm-registry-${release.version}.cdx.json`, billOfMaterials(ROOT, release));
  const text = sums.join("");
  writeFileSync(join(out, "SHA256SUMS"), text);
  if (key === undefined) {
    console.log("Not signed: name a key with --key or RELEASE_SIGNING_KEY. install.sh refuses what is not signed.");
    return;
  }
  const signed = signText(text, key, `cpm-registry ${release.version} ${release.commit}`);
  writeFileSync(join(out, "SHA256SUMS.sig"), signed.ssh);
  writeFileSync(join(out, "SHA256SUMS.minisig"), signed.minisign);
  writeFileSync(join(out, "install.sh"), installScript(ROOT, { key: signed.sshKey, baseUrl }), { mode: 0o755 });
  console.log(`Signed by ${signed.sshKey}\n       or ${signed.minisignKey} for minisign -P`);
}

const STRING = { type: "string" } as const;
const OPTIONS = {
  ...{ key: STRING, "base-url": STRING, cut: STRING, out: STRING },
  target: { type: "string", multiple: true },
  yes: { type: "boolean" },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.cut !== undefined) {
    const day = new Date().toISOString().slice(0, 10);
    cutRelease(ROOT, run, { version: values.cut, day, yes: values.yes === true });
    return;
  }
  const targets = (values.target ?? TARGET_NAMES).flatMap((value) => value.split(","));
  const out = resolve(values.out ?? join(ROOT, "dist/release"));
  await makeRelease({ targets, keyFile: values.key, baseUrl: values["base-url"], out });
}

try {
  await main();
} catch (cause) {
  console.error(`npm run release failed: ${cause instanceof Error ? cause.message : cause}`);
  process.exit(1);
}
