import { mkdir, open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { explainPackageName, PACKAGE_NAME_MAX_CHARS } from "../domain/package-name.ts";
import { clientFault } from "./client-fault.ts";
import { IGNORE_FILE } from "./package-files.ts";

/** The file that makes a directory a package. */
export const MANIFEST = "colony.yaml";

/** What a new package says of itself. */
export interface NewPackage {
  readonly name: string;
  readonly description: string;
  /** The name of a maintainer, if it is known. */
  readonly maintainer: string | undefined;
}

/** Returns a package name that resembles the name of a directory; it may still be none. */
export function packageNameOf(directory: string): string {
  return basename(resolve(directory))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/[-_.]{2,}/g, "-")
    .replaceAll(/^[-_.]+|[-_.]+$/g, "")
    .slice(0, PACKAGE_NAME_MAX_CHARS);
}

/**
 * Writes the files of a new package, which can be published and installed as it is. Returns the
 * paths that it wrote; files that exist stay. Throws if there is a package already.
 */
export async function writeNewPackage(directory: string, about: NewPackage): Promise<string[]> {
  const reason = explainPackageName(about.name);
  if (reason !== undefined) {
    throw clientFault(
      "usage",
      "client_package_name",
      `The package name '${about.name}' ${reason}.\nGive another one with --name <name>.`,
    );
  }
  const written: string[] = [];
  for (const [path, text] of Object.entries(filesOf(about))) {
    const isWritten = await writeNew(join(directory, path), text);
    if (isWritten) written.push(path);
    else if (path === MANIFEST) {
      throw clientFault(
        "refused",
        "client_package_exists",
        `${join(directory, path)} exists already: this is a package.\nPublish it with: cpm-registry publish`,
      );
    }
  }
  return written;
}

async function writeNew(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  try {
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(text);
      // Other programs and people work with these files, whatever the umask of this command is.
      await file.chmod(0o644);
    } finally {
      await file.close();
    }
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false;
    throw cause;
  }
}

// The manifest comes first, because it is what decides whether there is a package already.
function filesOf({ name, description, maintainer }: NewPackage): Readonly<Record<string, string>> {
  const quoted = JSON.stringify(description);
  const maintainers = maintainer === undefined ? "" : `maintainers:\n  - name: ${JSON.stringify(maintainer)}\n`;
  return {
    [MANIFEST]: `apiVersion: v1\nname: ${name}\nversion: 0.1.0\ndescription: ${quoted}\n${maintainers}dependencies: []\ntags: []\n`,
    "values.yaml": `# Default values. templates/ uses them as {{ .Values.name }}.\nname: ${name}\nimage: debian:13\nmessage: Hello from ${name}\n`,
    "templates/workflow.json": WORKFLOW,
    "README.md": `# ${name}\n\n${description}\n\n## Values\n\n| value | meaning |\n|---|---|\n| \`name\` | the name of the workload |\n| \`image\` | the container image that runs it |\n| \`message\` | what it prints |\n`,
    [IGNORE_FILE]: "# Files that stay out of the package, with the rules of .gitignore.\n*.log\n*.tmp\n",
  };
}

/** A function specification of ColonyOS that runs one command in a container. */
const WORKFLOW = `{
  "nodename": "{{ .Values.name }}",
  "funcname": "execute",
  "conditions": {
    "executortype": "container-executor",
    "nodes": 1,
    "processes-per-node": 1,
    "cpu": "1000m",
    "mem": "512Mi",
    "walltime": 60
  },
  "kwargs": {
    "cmd": "echo '{{ .Values.message }}'",
    "docker-image": "{{ .Values.image }}"
  },
  "maxexectime": 55,
  "maxretries": 3
}
`;
