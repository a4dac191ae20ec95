import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { readConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { DECIDED_BY_COMPOSE } from "./compose-settings.ts";

const ROOT = join(import.meta.dir, "../..");

interface Service {
  readonly image: string;
  readonly build?: { readonly args: Readonly<Record<string, string>> };
  readonly environment: Readonly<Record<string, string>>;
}

const COMPOSE: { readonly services: Readonly<Record<string, Service>> } = parse(
  readFileSync(join(ROOT, "compose.yaml"), "utf8"),
);
const ENVIRONMENT = COMPOSE.services.registry?.environment ?? {};

/** The text of `${NAME:-default}`, with a value or without one; undefined for any other text. */
function interpolated(name: string, value: string | undefined): string | undefined {
  const [, operator, rest = ""] = new RegExp(`^\\$\\{${name}:([-?])(.*)\\}$`).exec(ENVIRONMENT[name] ?? "") ?? [];
  if (operator === undefined) return undefined;
  return value ?? (operator === "-" ? rest : "");
}

describe("compose.yaml", () => {
  test.each(Object.keys(SETTINGS).filter((name) => !(name in DECIDED_BY_COMPOSE)))(
    "compose.yaml passes %s to the container",
    (name) => {
      expect(interpolated(name, "a value")).toBe("a value");
    },
  );

  test("compose.yaml passes nothing that is not a setting", () => {
    expect(Object.keys(ENVIRONMENT).filter((name) => !(name in SETTINGS))).toEqual([]);
  });

  test("compose.yaml gives every setting that .env leaves out its default", () => {
    const keys = { JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY, PUBLIC_URL: "http://localhost:5000" };
    const passed = Object.keys(ENVIRONMENT).filter((name) => !(name in DECIDED_BY_COMPOSE) && !(name in keys));
    const environment = Object.fromEntries(passed.map((name) => [name, interpolated(name, undefined)]));
    expect(readConfig(undefined, { ...environment, ...keys })).toEqual(readConfig(undefined, keys));
  });

  test("compose.yaml names exact versions of the images that it does not build", () => {
    const images = Object.values(COMPOSE.services).filter(({ build }) => build === undefined);
    expect(images.length).toBeGreaterThan(0);
    for (const { image } of images) expect(image).toMatch(/^[\w/.-]+(:v?\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})$/);
  });
});

test("compose.yaml passes the exact version of the image's base, whose moving name is the Dockerfile's default", () => {
  const { build } = COMPOSE.services.registry ?? {};
  expect(build?.args.NODE_IMAGE).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
  const dockerfile = readFileSync(join(ROOT, "Dockerfile"), "utf8");
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base ?? "");
  expect(bases).toEqual([expect.stringMatching(/^\$\{NODE_IMAGE\}$/), "scratch"]);
  const [, major] = /^ARG NODE_IMAGE=node:(\d+)-bookworm-slim$/m.exec(dockerfile) ?? [];
  expect(build?.args.NODE_IMAGE?.startsWith(`node:${major}.`)).toBe(true);
});
