/**
 * The `shell` blocks of the documents: commands that the tests cannot run, by document and heading,
 * each with its reason. A block that can run is an `sh` block, and is run.
 */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/go-client.md": {
    "Give the cpm program a registry": "needs the program's source; interop/cpm.test.ts runs the change",
    Tests: "needs the program's source",
  },
  "docs/operations.md": {
    "Run commands beside the server": "needs a server under systemd and one in Docker Compose",
    "Restore on a new machine": "needs a stopped registry; backup.test.ts runs it",
    "Restore where the storage survived": "needs a stopped registry; backup.test.ts runs it",
    "Move to Postgres": "needs Postgres; faults/documented-moves.test.ts runs it",
    "Move to S3": "needs S3; faults/documented-moves.test.ts runs it",
    "Replace the log key": "needs a stopped registry; change-key.test.ts runs it",
    "Recover what an old backup lacks": "needs a stopped registry; backup.test.ts runs it",
    "Send events to another program": "needs a receiver and a password; docs/webhooks.test.ts runs it",
    "Forget a person": "needs an account that published; administration.test.ts runs it",
    "Take a package down": "needs a published package; administration.test.ts runs it",
    "Begin a new log": "needs a stopped registry whose key is lost; change-key.test.ts runs it",
  },
  "docs/releasing.md": {
    "The key that signs": "makes a key; release/release.test.ts signs with one",
    "Reproduce a release": "builds seven executables",
  },
  "docs/self-hosting.md": {
    Install: "needs a published release; release/install.test.ts runs install.sh and the verifiers",
    "Run on Kubernetes": "needs a cluster; release/kubernetes.test.ts checks the manifests",
    "Run it with systemd": "changes users and units of the machine",
    "Run it with Docker": "needs a Docker engine",
    "Run it with Docker Compose": "needs a Docker engine",
    "Create the first administrator": "needs the user and the settings file of the systemd unit",
    "Use Postgres": "settings of an example, not commands",
    "Use S3": "settings of an example, not commands",
    "Have your log witnessed": "needs the registry of somebody else",
  },
  "docs/verifying.md": {
    "When the log's key changes": "needs a registry that began a new log; log-changes.test.ts does it",
  },
};
