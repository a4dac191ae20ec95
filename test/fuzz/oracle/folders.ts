import { createHash } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { bytesOf } from "../../support/archive-maker.ts";
import type { Shortcoming } from "./packers.ts";

/** A user id that does not fit seven octal digits, as OpenShift and Active Directory have. */
const LARGE_OWNER = 4_200_000;
const LONG_NAME = `docs/${"long-folder/".repeat(8)}${"name".repeat(8)}.txt`;

/**
 * Makes the folder of a package, below `scratch`: with an empty file, an executable, and unless the
 * packer cannot hold them a letter beyond ASCII and a name too long for the name field of a header.
 */
export function makeFolder(scratch: string, cannot: readonly Shortcoming[] = []): string {
  const folder = mkdtempSync(join(scratch, "package-"));
  const files: Readonly<Record<string, string>> = {
    "colony.yaml": "name: packed\nversion: 1.0.0\n",
    "values.yaml": "a: 1\n",
    "README.md": `# Packed\n${"text\n".repeat(300)}`,
    "templates/workflow.json": '{ "a": "{{ .Values.a }}" }\n',
    "bin/run.sh": "#!/bin/sh\n",
    empty: "",
    ...(cannot.includes("letters beyond ASCII") ? {} : { "templates/ä.json": "{}" }),
    ...(cannot.includes("long names") ? {} : { [LONG_NAME]: "long\n" }),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytesOf(content), { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  }
  return folder;
}

/** Gives a folder and all in it to a user with a large id. Only root can. */
export function giveAway(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true })) {
    chownSync(join(folder, String(entry)), LARGE_OWNER, LARGE_OWNER);
  }
  chownSync(folder, LARGE_OWNER, LARGE_OWNER);
}

/** Gives every file an extended attribute. Returns false where the file system has none. */
export function addAttributes(folder: string, python: string): boolean {
  const program = "import os, sys\nfor path in sys.argv[1:]: os.setxattr(path, 'user.note', b'hello\\0=x')";
  const files = readdirSync(folder, { recursive: true }).map((entry) => join(folder, String(entry)));
  return Bun.spawnSync([python, "-c", program, ...files]).success;
}

/** Lists the files of a folder as readers report them: lines of path, size and SHA-256. */
export function filesOf(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const lines = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const content = readFileSync(path);
    return `${relative(folder, path)} ${content.length} ${createHash("sha256").update(content).digest("hex")}`;
  });
  return lines.sort();
}
