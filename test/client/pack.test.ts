import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packDirectory } from "../../src/client/checked-archive.ts";
import { parseIgnoreRules } from "../../src/client/ignore-rules.ts";
import { packageFiles } from "../../src/client/package-files.ts";
import { User } from "./scene.ts";

/* Packing: the same bytes everywhere, read the same by everybody. */

const LONG = `templates/${"d".repeat(70)}/${"e".repeat(70)}/${"f".repeat(60)}.json`;
const FILES: Readonly<Record<string, string>> = {
  "colony.yaml": "name: hello\nversion: 0.1.0\n",
  "values.yaml": "greeting: hello\n",
  "templates/a.json": "{}",
  "templates/B.json": '{"b": 1}',
  "empty.txt": "",
  "åäö.txt": "non-ascii",
  "z/big.txt": "0123456789abcdef\n".repeat(20_000),
  [LONG]: "long",
};
/** Of the archive of FILES, packed by Bun 1.4.5. It changes only when packing is meant to change. */
const GOLDEN_SHA256 = "975e440865b3ad8125cf94ad27a7e6efb7848111a3fa4f1bdac1ee509176fdf4";

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "cpm-pack-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

async function tree(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = join(work, name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

const packed = (directory: string) => packDirectory(directory, join(work, `${crypto.randomUUID()}.cpm`));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("an archive", () => {
  test("has the same bytes whatever the times, modes and the order on disk", async () => {
    const first = await packed(await tree("first", FILES));
    const second = await tree("second", Object.fromEntries(Object.entries(FILES).reverse()));
    for (const path of Object.keys(FILES)) {
      await utimes(join(second, path), new Date(0), new Date("2031-02-03T04:05:06Z"));
      await chmod(join(second, path), 0o755);
    }
    const { digest, path } = await packed(second);
    expect([digest, sha256(await readFile(path))]).toEqual([first.digest, first.digest]);
    expect(digest).toBe(GOLDEN_SHA256);
  });

  const readers: [string, string | null, (archive: string, to: string) => string[]][] = [
    ["GNU tar", Bun.which("tar"), (archive, to) => ["tar", "-xzf", archive, "-C", to]],
    ["bsdtar", Bun.which("bsdtar"), (archive, to) => ["bsdtar", "-xf", archive, "-C", to]],
    [
      "Python",
      Bun.which("python3"),
      (archive, to) => [
        "python3",
        "-c",
        "import tarfile, sys; tarfile.open(sys.argv[1]).extractall(sys.argv[2])",
        archive,
        to,
      ],
    ],
    ["Go", Bun.which("go"), (archive, to) => ["go", "run", join(import.meta.dir, "untar.go"), archive, to]],
  ];
  for (const [name, tool] of readers)
    if (tool === null) console.log(`${name} is missing: it does not read packed archives`);

  test.each(readers.filter(([, tool]) => tool !== null))(
    "is unpacked by %s to the files that were packed",
    async (name, _, command) => {
      const { path } = await packed(await tree(`for-${name}`, FILES));
      const to = join(work, `by-${name}`);
      await mkdir(to);
      const { exitCode, stderr } = Bun.spawnSync(command(path, to), { env: { ...process.env, GOFLAGS: "-mod=mod" } });
      expect([exitCode, stderr.toString()]).toEqual([0, ""]);
      const found = await readdir(to, { recursive: true, withFileTypes: true });
      const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const texts = await Promise.all(
        files.map(async (file) => [file.slice(to.length + 1), await readFile(file, "utf8")]),
      );
      expect(Object.fromEntries(texts)).toEqual({ ...FILES });
    },
    120_000,
  );

  test("of a file whose name no ustar header holds is refused", async () => {
    const directory = await tree("long", { "colony.yaml": "", [`${"x".repeat(101)}.txt`]: "" });
    expect(packed(directory)).rejects.toThrow("too long for an archive");
  });
});

describe("the files of a package", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await tree(crypto.randomUUID(), {
      "colony.yaml": "name: hello\nversion: 0.1.0\n",
      ".git/HEAD": "",
      "node_modules/a/b.js": "",
      "._colony.yaml": "",
      ".DS_Store": "",
      "old-0.0.1.cpm": "",
      "signing.pem": "",
      "sub/.env.local": "",
      "notes.log": "",
      "kept.log": "",
      ".cpmignore": "*.log\n!kept.log\n",
    });
  });

  test("leave out histories, leftovers, ignored files and what looks like a key", async () => {
    expect(await packageFiles(directory)).toEqual({
      paths: ["colony.yaml", "kept.log"],
      secretPaths: expect.arrayContaining(["signing.pem", "sub/.env.local"]),
    });
  });

  test("that are links or special are refused together, by path", async () => {
    await symlink("/etc/passwd", join(directory, "link"));
    Bun.spawnSync(["mkfifo", join(directory, "pipe")]);
    const cause = await packageFiles(directory).catch((error: unknown) => error);
    expect(cause).toMatchObject({
      kind: "refused",
      problem: {
        errors: expect.arrayContaining([
          { path: "link", message: "is a symbolic link" },
          { path: "pipe", message: "is a FIFO" },
        ]),
      },
    });
  });

  test("that break a rule of registries leave no archive, and every rule is named", async () => {
    const user = await User.make();
    await writeFile(join(directory, "colony.yaml"), "name: BAD\nversion: one\n");
    for (const command of ["pack", "check"]) {
      const { code, stdout } = await user.run([command, directory, "--json"]);
      expect([code, JSON.parse(stdout).error.errors.length]).toEqual([65, 2]);
    }
    expect((await readdir(user.directory)).filter((file) => file.includes("cpm"))).toEqual([]);
    await user.remove();
  });

  test("are packed by the command under name and version, and an existing archive is checked", async () => {
    const user = await User.make();
    expect((await user.run(["pack", directory])).code).toBe(0);
    expect((await user.run(["check", "hello-0.1.0.cpm"])).code).toBe(0);
    expect((await user.run(["pack", directory, "--list"])).stdout).toBe("colony.yaml\nkept.log\n");
    await user.remove();
  });
});

const hasGit = Bun.which("git") !== null;
if (!hasGit) console.log("git is missing: the rules of .cpmignore are not compared with those of .gitignore");

describe("the rules of .cpmignore", () => {
  const SETS = [
    ["*.log"],
    ["/build"],
    ["docs/"],
    ["a/**/b"],
    ["**/x"],
    ["x/**"],
    ["foo/*.txt"],
    ["[a-c].md"],
    ["[!a-c].md"],
    ["\\#hash"],
    ["\\!bang"],
    ["trail\\ "],
    ["trail "],
    ["dir/sub/"],
    ["?.c"],
    ["**"],
    ["a**b"],
    ["/*.json"],
    ["é*"],
    ["[[:digit:]]z"],
    ["te[x"],
    ["*/q"],
    ["[]]x"],
    ["[\\]y]w"],
    ["[a-]k"],
    ["[^/]p"],
    ["foo/**/"],
    ["# comment", "a.log"],
    ["*", "!*.md"],
    ["docs/", "!docs/a"],
    ["*.log", "!keep.log", "keep*"],
    ["/*", "!/foo", "/foo/*", "!/foo/b"],
  ];
  const PATHS = [
    "a.log",
    "keep.log",
    "build",
    "src/build",
    "docs/a",
    "x/docs",
    "a/b",
    "a/c/b",
    "a/c/d/b",
    "x",
    "y/x",
    "x/y",
    "foo/a.txt",
    "foo/b/a.txt",
    "a.md",
    "d.md",
    "#hash",
    "!bang",
    "trail ",
    "trail",
    "dir/sub/f",
    "sub/f",
    "q.c",
    "axxb",
    "a.json",
    "s/a.json",
    "été",
    "1z",
    "te[x",
    "m/q",
    "m/n/q",
    "]x",
    "]w",
    "yw",
    "-k",
    "ak",
    "zp",
    "foo/d/e/f",
    "z/a/b",
  ];

  test.skipIf(!hasGit)("are those of git", async () => {
    const directory = await tree("git", {});
    await mkdir(directory, { recursive: true });
    Bun.spawnSync(["git", "init", "-q"], { cwd: directory });
    for (const set of SETS) {
      await writeFile(join(directory, ".gitignore"), `${set.join("\n")}\n`);
      const asked = { cwd: directory, stdin: Buffer.from(`${PATHS.join("\0")}\0`) };
      const told = Bun.spawnSync(["git", "check-ignore", "--no-index", "-z", "--stdin", "-v", "-n"], asked)
        .stdout.toString()
        .split("\0");
      const byGit = PATHS.filter((_, at) => told[at * 4 + 2] !== "" && told[at * 4 + 2]?.startsWith("!") === false);
      const isIgnored = parseIgnoreRules(set.join("\n"));
      const above = (path: string) => path.split("/").map((_, at, all) => all.slice(0, at + 1).join("/"));
      const byUs = PATHS.filter((path) => above(path).some((each) => isIgnored(each, each !== path)));
      expect({ set, ignored: byUs }).toEqual({ set, ignored: byGit });
    }
  });
});
