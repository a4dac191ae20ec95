// Packs a folder with a package of npm and writes the tar to standard output, for packers.ts:
//
//	node pack.mjs tar PATH-OF-THE-PACKAGE FOLDER [portable]
//	node pack.mjs tar-stream PATH-OF-THE-PACKAGE FOLDER
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";

const [name, path, folder, form] = process.argv.slice(2);
const library = createRequire(import.meta.url)(path);

if (name === "tar") {
  library.c({ cwd: folder, portable: form === "portable" }, ["."]).pipe(process.stdout);
} else {
  const pack = library.pack();
  pack.pipe(process.stdout);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    const { uid, gid, mode, mtime } = lstatSync(full);
    const header = { name: relative(folder, full), uid, gid, mode, mtime };
    if (entry.isDirectory()) pack.entry({ ...header, type: "directory" });
    else pack.entry(header, readFileSync(full));
  }
  pack.finalize();
}
