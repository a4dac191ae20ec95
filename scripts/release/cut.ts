/** The start of a release in the repository: versions, changelog, commit and tag. Nothing is pushed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const UNRELEASED = "## [Unreleased]";
/** It names the image that `kubectl apply` runs. */
const KUSTOMIZATION = "deploy/kubernetes/base/kustomization.yaml";

/** Runs a command in the checkout and returns what it printed. Throws what it printed if it fails. */
export type Run = (...command: string[]) => string;

/** A file and its new text. */
interface Edit {
  readonly file: string;
  readonly text: string;
}

/**
 * Returns the changelog with its unreleased part under a version and a date, and an empty
 * unreleased part above it. Throws if there is nothing to release, or if the version is there.
 */
export function cutChangelog(text: string, version: string, day: string): string {
  if (text.includes(`## [${version}]`)) throw new Error(`CHANGELOG.md has a part for ${version} already.`);
  const start = text.indexOf(UNRELEASED);
  const next = text.indexOf("\n## [", start + 1);
  const part = start === -1 ? "" : text.slice(start + UNRELEASED.length, next === -1 ? undefined : next);
  if (part.trim() === "") throw new Error("CHANGELOG.md has nothing under [Unreleased].");
  const head = `${UNRELEASED}\n\n## [${version}] - ${day}`;
  return text.slice(0, start) + head + text.slice(start + UNRELEASED.length);
}

/**
 * Writes the version into package.json, its lock file, the manifests of Kubernetes and the
 * changelog, commits these and tags the commit `v<version>`. Without `yes` it only prints what it
 * would do. Throws if the version is not newer, or if the checkout has changes.
 */
export function cutRelease(
  root: string,
  run: Run,
  { version, day, yes }: { version: string; day: string; yes: boolean },
) {
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const present: string = JSON.parse(read("package.json")).version;
  if (!VERSION.test(version)) throw new Error(`${version} is not a version such as 0.3.0.`);
  if (Bun.semver.order(version, present) !== 1) throw new Error(`${version} is not newer than ${present}.`);
  if (run("git", "status", "--porcelain") !== "") throw new Error("The checkout has changes. Commit them first.");
  if (run("git", "tag", "--list", `v${version}`) !== "") throw new Error(`The tag v${version} exists already.`);
  const numbered = (file: string, times: number, line = (number: string) => `"version": "${number}"`): Edit => {
    let left = times;
    const text = read(file).replaceAll(line(present), (found) => {
      left -= 1;
      return left < 0 ? found : line(version);
    });
    if (left > 0) throw new Error(`${file} does not name version ${present}.`);
    return { file, text };
  };
  const edits: readonly Edit[] = [
    numbered("package.json", 1),
    // The lock file names the version of the program twice, before every other version.
    numbered("package-lock.json", 2),
    numbered(KUSTOMIZATION, 1, (number) => `newTag: ${number}\n`),
    { file: "CHANGELOG.md", text: cutChangelog(read("CHANGELOG.md"), version, day) },
  ];
  const files = edits.map(({ file }) => file);
  if (!yes) {
    console.log(
      `Would set the version ${present} → ${version} of ${day} in ${files.join(", ")}, commit and tag v${version}.`,
    );
    console.log("Add --yes to do it. Nothing is pushed.");
    return;
  }
  for (const { file, text } of edits) writeFileSync(join(root, file), text);
  run("git", "commit", "--quiet", "--message", `Release ${version}`, "--", ...files);
  run("git", "tag", "--annotate", `v${version}`, "--message", `cpm-registry ${version}`);
  console.log(`Committed and tagged v${version}. Look at it, then: git push origin HEAD v${version}`);
}
