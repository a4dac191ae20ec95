import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, ROOT, readDocument } from "./documents.ts";

/* docs/operations.md is a list of tasks, and a test does each of them. */

const PAGE = readDocument("docs/operations.md");
/** The rest of the page is there to look things up. */
const FIRST_TO_LOOK_UP = "Files";

/** Tasks without a command to copy, and the tests that do what they say. */
const IN_PROSE: Readonly<Record<string, readonly string[]>> = {
  "Start and stop": ["test/faults/shutdown.test.ts", "test/binary/binary.test.ts"],
  "What to know about backups": ["test/faults/backup.test.ts", "test/maintenance/backup.test.ts"],
  "Give somebody a new password": ["test/api/reset-link.test.ts", "test/client/reset-password.test.ts"],
  "Failed logins": ["test/api/login-throttle.test.ts"],
  "Names that are refused": ["test/api/accounts.test.ts"],
  Restore: ["test/faults/backup-pairs.test.ts"],
  "Answer `log_rollback`": ["test/docs/backup.test.ts", "test/log/rollback.test.ts"],
  "Run several processes or servers": [
    "test/faults/workers.test.ts",
    "test/faults/two-servers.test.ts",
    "test/faults/pgbouncer.test.ts",
  ],
  "Watch it": ["test/faults/prometheus.test.ts"],
  "Health and metrics": ["test/api/health.test.ts"],
  "Follow a request with traces": ["test/api/traces.test.ts", "test/faults/collector.long.test.ts"],
  Logs: ["test/unit/operations-page.test.ts"],
  Events: ["test/api/events.test.ts"],
  "Write a receiver": ["test/docs/webhooks.test.ts"],
  "What limits webhooks": ["test/api/webhooks.test.ts"],
  "Handle a full disk": ["test/faults/full-disk.test.ts", "test/faults/full-disk-start.test.ts"],
  "Recover from a lost key": ["test/log/log-key-file.test.ts", "test/docs/log-keys.test.ts"],
  "Use an instance role": ["test/api/s3-credentials.test.ts"],
};

test("every task of operations.md has commands, which are run, or a test that does it", () => {
  const headings = [...PAGE.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^##+ (.+)$/gm)].map(([, title = ""]) => title);
  const tasks = headings.slice(0, headings.indexOf(FIRST_TO_LOOK_UP));
  const withCommands = blocksOf(PAGE).filter(({ language }) => language === "sh" || language === "shell");
  const inProse = tasks.filter((task) => !withCommands.some(({ heading }) => heading === task));
  expect(inProse.sort()).toEqual(Object.keys(IN_PROSE).sort());
});

test("every test of a task of operations.md exists", () => {
  const files = Object.values(IN_PROSE).flat();
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
