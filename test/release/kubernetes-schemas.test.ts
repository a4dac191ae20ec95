import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { goMissing, runProgram } from "../support/go-program.ts";
import { installPythonProgram } from "../support/python-program.ts";

/*
 * The manifests are put together by the library of kustomize that kubectl has, and compared with
 * the schemas of Kubernetes, which know every field.
 */

const ROOT = resolve(import.meta.dir, "../../deploy/kubernetes");
const KUSTOMIZE = join(import.meta.dir, "kubernetes/kustomize");
const BUILD_TIMEOUT_MS = 240_000;

const installed = installPythonProgram("kubernetes-validate", join(import.meta.dir, "kubernetes/requirements.txt"));
const validate = "program" in installed ? installed.program : "";
const missing = "missing" in installed ? installed.missing : await goMissing(KUSTOMIZE);
if (missing !== undefined) console.warn(`Skipped: manifests are not compared with schemas of Kubernetes: ${missing}`);

describe.skipIf(missing !== undefined).each(["base", "postgres-s3"])("the manifests of %s", (kind) => {
  let directory: string;
  let built: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "cpm-manifests-"));
    built = join(directory, "built.yaml");
    const { status, output } = await runProgram(["go", "run", "-mod=readonly", ".", join(ROOT, kind)], KUSTOMIZE);
    expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
    writeFileSync(built, output);
  }, BUILD_TIMEOUT_MS);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const compared = (...files: string[]) => runProgram([validate, "--strict", "--quiet", ...files], directory);

  test("put together, follow the schemas of Kubernetes, as the examples do", async () => {
    const examples = readdirSync(join(ROOT, kind)).filter((name) => name.includes(".example."));
    expect(examples.length).toBeGreaterThan(0);
    const files = [built, ...examples.map((name) => join(ROOT, kind, name))];
    expect(await compared(...files)).toEqual({ status: 0, output: "" });
  });

  test("would be refused with a field that Kubernetes does not know", async () => {
    const wrong = join(directory, "wrong.yaml");
    writeFileSync(wrong, readFileSync(built, "utf8").replace("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"));
    expect((await compared(wrong)).status).not.toBe(0);
  });
});
