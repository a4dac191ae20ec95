/*
 * Mends two faults of postgres.js 3.4.9 in node_modules; npm runs this after every install.
 *
 * A small write is sent by a timer. When the connection closes first, (1) the timer writes to a socket that is null,
 * and the TypeError ends the process, because no caller is there to catch it; (2) the timer is cancelled but stays
 * set, so on the next connection no small write, the start-up message included, is ever sent: its callers hang for ever.
 * Reported upstream as porsager/postgres #1066, #1154 and #1208; remove this when a release has the mend.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const EXPECTED_VERSION = "3.4.9";
const home = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules", "postgres");

const MENDS = [
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
    `postgres is ${version}: see whether it still needs scripts/patch-postgres.mjs (made for ${EXPECTED_VERSION})`,
  );
}
const path = join(home, "src", "connection.js");
let source = readFileSync(path, "utf8");
for (const { before, after } of MENDS) {
  if (source.includes(after)) continue;
  if (!source.includes(before)) throw new Error(`${path} is not the file that scripts/patch-postgres.mjs was made for`);
  source = source.replace(before, () => after);
}
writeFileSync(path, source);
