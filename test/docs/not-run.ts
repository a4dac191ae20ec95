/** Why a test cannot run commands where they stand, or the test that runs them somewhere else. */
export type Reason = { readonly because: string } | { readonly runBy: string };

const runBy = (file: string): Reason => ({ runBy: file });
const because = (reason: string): Reason => ({ because: reason });

/**
 * The `shell` blocks of the documents: commands that need more than the running registry of
 * shell-blocks.test.ts, by document and heading. A file that runs them reads them from the document
 * by their heading, so that it runs what is written. A block that can run is an `sh` block.
 */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, Reason>>>> = {
  "docs/go-client.md": {
    "Give the cpm program a registry": because("needs the program's source; interop/cpm.test.ts runs the change"),
    Tests: because("needs the program's source"),
  },
  "docs/operations.md": {
    "Run commands beside the server": because("needs a server under systemd and one in Docker Compose"),
    "Back up every night": because("changes units of the machine; release/systemd.test.ts checks them"),
    "Restore on a new machine": runBy("test/docs/backup.test.ts"),
    "Restore where the storage survived": runBy("test/docs/backup.test.ts"),
    "Recover what an old backup lacks": runBy("test/docs/backup.test.ts"),
    "Serve the log from a file server": runBy("test/log/static-tiles.test.ts"),
    "Move to Postgres": runBy("test/faults/documented-moves.test.ts"),
    "Move to S3": runBy("test/faults/documented-moves.test.ts"),
    "Rotate the session key": because("is refused for 12 hours; maintenance/rotate-jwt-key.test.ts sets them back"),
    "Replace the log key": runBy("test/docs/log-keys.test.ts"),
    "Begin a new log": runBy("test/docs/log-keys.test.ts"),
    "Send events to another program": runBy("test/docs/webhooks.test.ts"),
    "Forget a person": runBy("test/docs/administration.test.ts"),
    "Take a package down": runBy("test/docs/administration.test.ts"),
  },
  "docs/releasing.md": {
    "The key that signs": runBy("test/release/whole-release.test.ts"),
    "Make a release": runBy("test/release/whole-release.test.ts"),
    "Reproduce a release": because("builds seven executables; release/whole-release.test.ts compares two builds"),
  },
  "docs/self-hosting.md": {
    Install: runBy("test/faults/year-release.ts"),
    "Run on Kubernetes": because("needs a cluster; release/kubernetes-schemas.test.ts checks the manifests"),
    "Run it with systemd": because("changes users and units of the machine"),
    "Run it with Docker": because("needs a Docker engine"),
    "Run it with Docker Compose": because("needs a Docker engine"),
    "Create the first administrator": because("needs the user and the settings file of the systemd unit"),
    "Use Postgres": because("settings of an example, not commands"),
    "Use S3": because("settings of an example, not commands"),
    "Have your log witnessed": because("needs the registry of somebody else"),
  },
  "docs/verifying.md": {
    "When the log's key changes": because("needs a registry that began a new log; log-changes.test.ts does it"),
  },
};
