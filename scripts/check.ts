/**
 * `npm run check` checks formatting, lint and types. Both tools always run, so that one report
 * shows everything.
 */

const checks = [
  { name: "Biome (formatting and lint)", command: ["biome", "check", "--error-on-warnings"] },
  { name: "tsc (types)", command: ["tsc", "--noEmit"] },
];

let failed = 0;
for (const { name, command } of checks) {
  const { exitCode } = Bun.spawnSync([process.execPath, "x", "--bun", ...command], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  console.log(`${exitCode === 0 ? "ok" : "FAILED"}: ${name}`);
  if (exitCode !== 0) failed += 1;
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
