import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { goStyleArchive, makeArchive } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

/*
 * The packages of the real client are beside the repository. Its own tests make their packages, so
 * these may be missing.
 */

const FIXTURES = join(import.meta.dir, "../../../shared/fixtures");
const present = existsSync(FIXTURES);
if (!present) console.warn(`Skipped: the real packages are not at ${FIXTURES}`);

const go = Bun.which("go");
if (go === null) console.warn("Skipped: packing with Go's archive/tar needs Go on this machine");

/** Reads the files of a package directory, by their path inside it. */
function filesOf(directory: string): Record<string, Uint8Array> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((file) => {
      const path = join(file.parentPath, file.name);
      return [relative(directory, path), new Uint8Array(readFileSync(path))];
    }),
  );
}

/** An account publishes with the key of its first publish. */
const KEY = makeKey();

const COMPLETE = [
  ["complex-pkg", "1.0.0"],
  ["test-verify-pkg", "0.1.0"],
] as const;

async function publishAndFetch(publisher: Client, name: string, version: string, archive: Uint8Array) {
  const published = await publisher.publish(name, version, archive, KEY);
  expect([published.status, published.body.sha256]).toEqual([201, sha256(archive)]);
  const response = await fetch(`${publisher.base}/api/packages/${name}/${version}/download`);
  expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(archive));
  return published.body;
}

/**
 * Packs a directory as the client does: `filepath.Walk`, the directory itself as `.`, no slash
 * after directories.
 */
const GO_PACKER = `package main

import ("archive/tar"; "compress/gzip"; "io"; "os"; "path/filepath")

func main() {
	gz := gzip.NewWriter(os.Stdout)
	tw := tar.NewWriter(gz)
	root := os.Args[1]
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil { panic(err) }
		header, _ := tar.FileInfoHeader(info, "")
		header.Name, _ = filepath.Rel(root, path)
		if err := tw.WriteHeader(header); err != nil { panic(err) }
		if info.IsDir() { return nil }
		file, _ := os.Open(path)
		defer file.Close()
		io.Copy(tw, file)
		return nil
	})
	tw.Close()
	gz.Close()
}
`;

let packer: Promise<string> | undefined;

/** The packer as an executable. The first caller compiles it. */
function goPacker(): Promise<string> {
  packer ??= (async () => {
    await writeFile(join(work, "main.go"), GO_PACKER);
    await Bun.$`go build -o pack main.go`.cwd(work).quiet();
    return join(work, "pack");
  })();
  return packer;
}

const work = await mkdtemp(join(tmpdir(), "cpm-go-packer-"));
afterAll(() => rm(work, { recursive: true, force: true }));

onBothDatabases("real packages", (registry) => {
  test.skipIf(!present)(
    "the archive that the real client made on Windows is published unchanged, with a warning",
    async () => {
      const archive = new Uint8Array(readFileSync(join(FIXTURES, "test-pkg-v2-0.1.0.cpm")));
      const alice = await newAccount(registry());
      const version = await publishAndFetch(alice, "test-pkg-v2", "0.1.0", archive);
      expect(version.warnings.map((warning: { code: string }) => warning.code)).toContain("backslash_names");
      const { body } = await alice.get("/api/packages/test-pkg-v2/0.1.0/files");
      expect(body.items.map((file: { path: string }) => file.path)).toContain("templates\\workflow.json");
    },
  );

  test.skipIf(!present)(
    "complete package directories are published, packed with and without directory entries",
    async () => {
      const alice = await newAccount(registry());
      for (const [name, version] of COMPLETE) {
        const files = filesOf(join(FIXTURES, name));
        const archive = name === "complex-pkg" ? makeArchive(files) : goStyleArchive(files);
        const published = await publishAndFetch(alice, name, version, archive);
        const lacksTemplates = published.warnings.some(
          (warning: { code: string }) => warning.code === "templates_missing",
        );
        expect(lacksTemplates).toBe(name === "test-verify-pkg");
        const readme = await alice.get(`/api/packages/${name}/${version}/readme`);
        expect(readme.status).toBe("README.md" in files ? 200 : 404);
      }
    },
  );

  test.skipIf(!present)("a directory without colony.yaml is refused", async () => {
    const alice = await newAccount(registry());
    const archive = makeArchive(filesOf(join(FIXTURES, "test-debug-pkg")));
    const refused = await alice.publish("test-debug-pkg", "0.1.0", archive, makeKey());
    expect([refused.status, refused.body.errors.map((fault: { code: string }) => fault.code)]).toEqual([
      422,
      ["manifest_missing"],
    ]);
  });

  test.skipIf(!present || go === null)(
    "archives of Go's archive/tar, packed as the client does, are published",
    async () => {
      const alice = await newAccount(registry());
      for (const [name, version] of [...COMPLETE, ["test-pkg-v2", "0.2.0"] as const]) {
        const source = join(work, `${registry().kind}-${name}`);
        await Bun.$`cp -r ${join(FIXTURES, name)} ${source} && chmod -R u+w ${source}`.quiet();
        const manifest = join(source, "colony.yaml");
        const text = readFileSync(manifest, "utf8").replace(/^(name: ).*$/m, `$1go-${name}`);
        await writeFile(manifest, text.replace(/^version: .*$/m, `version: ${version}`));
        const packed = await Bun.$`${await goPacker()} ${source}`.quiet();
        await publishAndFetch(alice, `go-${name}`, version, new Uint8Array(packed.stdout));
      }
    },
  );
});
