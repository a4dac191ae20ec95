import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { readConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";

const ROOT = resolve(import.meta.dir, "../../deploy/kubernetes");
const KINDS = ["base", "postgres-s3"] as const;
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const filesIn = (kind: string) => readdirSync(join(ROOT, kind)).filter((name) => name.endsWith(".yaml"));

/** The settings of a file of lines `NAME=value`. */
function settingsIn(file: string): Record<string, string> {
  const lines = read(file).split("\n");
  return Object.fromEntries(lines.flatMap((line) => (/^[^#=]+=/.test(line) ? [line.split(/=(.*)/s).slice(0, 2)] : [])));
}

const DEPLOYMENT = parse(read("base/deployment.yaml"));
const POD = DEPLOYMENT.spec.template.spec;
const [CONTAINER] = POD.containers;

describe("the manifests of Kubernetes", () => {
  test.each(KINDS)("of %s name every file that lies there, but examples", (kind) => {
    const { resources, configMapGenerator, patches = [] } = parse(read(`${kind}/kustomization.yaml`));
    const named: string[] = [
      ...resources,
      ...patches.flatMap(({ path }: { path?: string }) => path ?? []),
      ...configMapGenerator.flatMap(({ envs }: { envs: string[] }) => envs),
    ];
    for (const name of named) expect([name, existsSync(join(ROOT, kind, name))]).toEqual([name, true]);
    const loose = filesIn(kind).filter((name) => !named.includes(name) && !name.includes(".example."));
    expect(loose).toEqual(["kustomization.yaml"]);
  });

  test("set only settings that exist, with values that a registry starts with", () => {
    const secrets = KINDS.map((kind) => parse(read(`${kind}/secret.example.yaml`)).stringData);
    const plain = { ...settingsIn("base/settings.env"), ...settingsIn("postgres-s3/settings.env") };
    const names = [...Object.keys(plain), ...secrets.flatMap(Object.keys), ...CONTAINER.env.map(nameOf)];
    expect(names.filter((name) => !(name in SETTINGS))).toEqual([]);
    const keys = { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY };
    const config = readConfig(undefined, { ...plain, ...secrets[1], ...keys });
    expect([config.database.kind, config.storage.kind]).toEqual(["postgres", "s3"]);
    expect(readConfig(undefined, settingsIn("base/settings.env")).registration).toBe("closed");
  });

  test("run the registry without root, without privileges and with a read-only root", () => {
    expect(POD.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 });
    expect(POD.securityContext.seccompProfile).toEqual({ type: "RuntimeDefault" });
    expect(CONTAINER.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(CONTAINER.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(["/data", "/tmp"]);
    const mounted = CONTAINER.volumeMounts.map(nameOf);
    expect(POD.volumes.map(nameOf)).toEqual(mounted);
  });

  test("ask the registry whether it lives and is ready, on the port that it listens on", () => {
    const paths = ["startupProbe", "livenessProbe", "readinessProbe"].map((name) => CONTAINER[name].httpGet);
    expect(paths.map(({ path }) => path)).toEqual(["/health/live", "/health/live", "/health/ready"]);
    const [port] = CONTAINER.ports;
    expect(CONTAINER.env).toContainEqual({ name: "PORT", value: String(port.containerPort) });
    expect([parse(read("base/service.yaml")).spec.ports[0].targetPort, paths[0].port]).toEqual([port.name, port.name]);
  });

  test("never run two registries on one SQLite", () => {
    expect([DEPLOYMENT.spec.replicas, DEPLOYMENT.spec.strategy.type]).toEqual([1, "Recreate"]);
    expect(parse(read("base/volume.yaml")).spec.accessModes).toEqual(["ReadWriteOnce"]);
  });
});

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
