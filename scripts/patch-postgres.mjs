/*
 * Patches two bugs of postgres.js 3.4.9 in node_modules. npm runs this after every install.
 *
 * A timer sends small writes. If the connection closes first, two things go wrong:
 *
 * 1. The timer writes to a socket that is null. The TypeError ends the process, because no caller
 *    can catch it.
 * 2. The timer is cancelled, but its variable stays set. On the next connection no small write is
 *    ever sent, not even the start-up message, and its callers hang for ever.
 *
 * Both are reported upstream as porsager/postgres #1066, #1154 and #1208. Delete this file when a
 * release fixes them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const EXPECTED_VERSION = "3.4.9";
const home = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules", "postgres");

const PATCHES = [
  {
    before: "  function nextWrite(fn) {\n    const x = socket.write(chunk, fn)",
    after:
      "  function nextWrite(fn) {\n    if (!socket) {\n      chunk = nextWriteTimer = null\n" +
      "      error(Errors.connection('CONNECTION_CLOSED', options, socket))\n      return false\n    }\n" +
      "    const x = socket.write(chunk, fn)",
  },
  {
    before: "    clearImmediate(nextWriteTimer)\n    socket.removeListener",
    after: "    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n    socket.removeListener",
  },
  {
    before: "    clearImmediate(nextWriteTimer)\n    if (socket) {",
    after: "    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n    if (socket) {",
  },
];

const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
if (version !== EXPECTED_VERSION) {
  throw new Error(
    `postgres is ${version}, and scripts/patch-postgres.mjs was made for ${EXPECTED_VERSION}: check whether it is still needed`,
  );
}
const path = join(home, "src", "connection.js");
let source = readFileSync(path, "utf8");
for (const { before, after } of PATCHES) {
  if (source.includes(after)) continue;
  if (!source.includes(before))
    throw new Error(`${path} does not have the lines that scripts/patch-postgres.mjs replaces`);
  source = source.replace(before, () => after);
}
writeFileSync(path, source);
