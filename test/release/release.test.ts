import { afterAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { cutChangelog, cutRelease } from "../../scripts/release/cut.ts";
import { tarGz, zip } from "../../scripts/release/pack-release.ts";
import { billOfMaterials } from "../../scripts/release/sbom.ts";
import { readReleaseKey, signText } from "../../scripts/release/sign.ts";

const ROOT = resolve(import.meta.dir, "../..");
const TIME = new Date("2026-03-01T23:30:10Z");
const FILES = [
  { path: "cpm-registry", bytes: Buffer.from("#!/bin/sh\necho hi\n"), isExecutable: true },
  { path: "docs/a.md", bytes: Buffer.alloc(100_000, "text "), isExecutable: false },
];
const directory = mkdtempSync(join(tmpdir(), "cpm-release-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: directory, env: { ...process.env, TZ: "UTC" } });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`);
  return stdout.toString().trim();
}

describe("an archive of a release", () => {
  test("has the same bytes twice, in every time zone, and tar unpacks it with modes and times", async () => {
    const packed = await tarGz("cpm-1", FILES, TIME);
    expect(packed.equals(await tarGz("cpm-1", FILES, TIME))).toBe(true);
    writeFileSync(join(directory, "a.tar.gz"), packed);
    expect(run("tar", "--numeric-owner", "-tvzf", "a.tar.gz").split("\n")).toEqual([
      expect.stringMatching(/^-rwxr-xr-x 0\/0 +18 2026-03-01 23:30 cpm-1\/cpm-registry$/),
      expect.stringMatching(/^-rw-r--r-- 0\/0 +100000 2026-03-01 23:30 cpm-1\/docs\/a.md$/),
    ]);
  });

  test("is a zip that Python tests and reads", () => {
    const packed = zip("cpm-1", FILES, TIME);
    expect(packed.equals(zip("cpm-1", FILES, TIME))).toBe(true);
    writeFileSync(join(directory, "a.zip"), packed);
    const read = `import zipfile, hashlib
z = zipfile.ZipFile("a.zip")
print(z.testzip(), [(i.filename, i.date_time, oct(i.external_attr >> 16), i.file_size) for i in z.infolist()])`;
    expect(run("python3", "-c", read)).toBe(
      "None [('cpm-1/cpm-registry', (2026, 3, 1, 23, 30, 10), '0o100755', 18), ('cpm-1/docs/a.md', (2026, 3, 1, 23, 30, 10), '0o100644', 100000)]",
    );
  });
});

describe("signed checksums", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signed = signText("some sums\n", privateKey, "cpm-registry 9.8.7");
  const verifiers: [string, string, string[]][] = [
    ["ssh-keygen", "sh", ["-c", "ssh-keygen -Y verify -f signers -I release -n cpm-registry -s S.sig < S"]],
    ["minisign", "minisign", ["-V", "-P", signed.minisignKey, "-m", "S", "-x", "S.minisig"]],
  ];

  test.each(verifiers.filter(([name]) => Bun.which(name)))(
    "are accepted by %s, and refused once changed",
    (_, program, args) => {
      writeFileSync(join(directory, "signers"), `release ${signed.sshKey}\n`);
      writeFileSync(join(directory, "S"), "some sums\n");
      writeFileSync(join(directory, "S.sig"), signed.ssh);
      writeFileSync(join(directory, "S.minisig"), signed.minisign);
      expect(run(program, ...args)).toMatch(/Good "cpm-registry" signature|Trusted comment: cpm-registry 9\.8\.7/);
      writeFileSync(join(directory, "S"), "other sums\n");
      expect(() => run(program, ...args)).toThrow();
    },
  );

  test("need an Ed25519 key, and no message repeats another text", () => {
    expect(readReleaseKey(privateKey.export({ format: "pem", type: "pkcs8" }).toString()).asymmetricKeyType).toBe(
      "ed25519",
    );
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" });
    const others = [rsa.toString(), publicKey.export({ format: "pem", type: "spki" }).toString(), "hunter2"];
    for (const text of others)
      expect(() => readReleaseKey(text)).toThrow(/^The release key is not an Ed25519 key in PEM\. [^\n]+$/);
  });
});

describe("the bill of materials", () => {
  const release = { version: "9.8.7", commit: "c".repeat(40), time: TIME };
  const bill = JSON.parse(billOfMaterials(ROOT, release));
  const names: string[] = bill.components.map(({ name }: { name: string }) => name);

  test("names Bun, every dependency and what these need, and nothing that only builds and tests", () => {
    expect(names).toEqual(expect.arrayContaining(["bun", "tdigest", ...Object.keys(packageFile.dependencies)]));
    const development = Object.keys(packageFile.devDependencies).filter((name) => name !== "bun");
    expect(names.filter((name) => development.includes(name) || name.startsWith("@typescript/"))).toEqual([]);
  });

  test("gives every component an address, a digest and a licence, and refers to nothing else", () => {
    const references = new Set<string>([bill.metadata.component["bom-ref"]]);
    for (const component of bill.components) {
      references.add(component["bom-ref"]);
      expect(component.purl).toMatch(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d/);
      expect(component.hashes[0].content).toMatch(/^[0-9a-f]{128}$/);
      expect([component.name, component.licenses?.length]).toEqual([component.name, 1]);
    }
    for (const { ref, dependsOn } of bill.dependencies) {
      for (const each of [ref, ...dependsOn]) expect(references).toContain(each);
    }
  });

  test("is the same text for the same commit", () => {
    expect(billOfMaterials(ROOT, release)).toBe(billOfMaterials(ROOT, release));
  });
});

describe("cutting a release", () => {
  const changelog = "# Changelog\n\n## [Unreleased]\n\n- New.\n\n## [0.2.0] - 2026-01-01\n\n- Old.\n";

  test("puts what is unreleased under the version and the day, and refuses when there is nothing", () => {
    const cut =
      "# Changelog\n\n## [Unreleased]\n\n## [0.3.0] - 2026-05-04\n\n- New.\n\n## [0.2.0] - 2026-01-01\n\n- Old.\n";
    expect(cutChangelog(changelog, "0.3.0", "2026-05-04")).toBe(cut);
    expect(() => cutChangelog(cut, "0.4.0", "2026-05-05")).toThrow("nothing under [Unreleased]");
    expect(() => cutChangelog(changelog, "0.2.0", "2026-05-05")).toThrow("already");
  });

  test("changes nothing without --yes, then commits and tags, and refuses an old version", () => {
    const kustomization = "deploy/kubernetes/base/kustomization.yaml";
    for (const file of ["package.json", "package-lock.json", "CHANGELOG.md", kustomization])
      cpSync(join(ROOT, file), join(directory, "repo", file));
    const git = (...command: string[]) => run(command[0] ?? "", "-C", "repo", ...command.slice(1));
    const author = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    git("git", "init", "--quiet");
    git("git", "config", "user.name", "A");
    git("git", "config", "user.email", "a@example.org");
    git("git", "add", ".");
    git("git", ...author, "commit", "--quiet", "--message", "First");
    const [major = 0, minor = 0] = packageFile.version.split(".").map(Number);
    const next = `${major}.${minor + 1}.0`;
    const cut = { version: next, day: "2026-05-04" };
    cutRelease(join(directory, "repo"), git, { ...cut, yes: false });
    expect([git("git", "status", "--porcelain"), git("git", "tag")]).toEqual(["", ""]);
    cutRelease(join(directory, "repo"), git, { ...cut, yes: true });
    expect([git("git", "status", "--porcelain"), git("git", "tag")]).toEqual(["", `v${next}`]);
    expect(git("git", "show", "--stat", "--format=%s", "HEAD")).toContain(`Release ${next}`);
    const lock = JSON.parse(readFileSync(join(directory, "repo/package-lock.json"), "utf8"));
    expect([lock.version, lock.packages[""].version]).toEqual([next, next]);
    expect(readFileSync(join(directory, "repo", kustomization), "utf8")).toContain(`newTag: ${next}\n`);
    expect(() => cutRelease(join(directory, "repo"), git, { ...cut, yes: true })).toThrow("is not newer than");
  });
});
