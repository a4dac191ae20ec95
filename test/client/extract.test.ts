import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extractArchive } from "../../src/client/extract.ts";
import { putInPlace } from "../../src/client/put-in-place.ts";
import { goStyleArchive, makeArchive, makePackage, manifestOf } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { badScene, User } from "./scene.ts";

const OTHER_FILE_SYSTEM = "/dev/shm";

const colonyYaml = manifestOf({ name: "hello", version: "0.1.0" });

describe("download from a private registry", () => {
  let owner: Client;
  const options = { env: { READ_ACCESS: "authenticated" } };
  const scene = badScene(async (registry) => {
    owner = await newAccount(registry);
    const archive = makePackage({ name: "hello", version: "0.1.0" });
    expect((await owner.publish("hello", "0.1.0", archive, makeKey())).status).toBe(201);
  }, options);

  const download = (token?: string, ...args: string[]) =>
    scene.user.run(["download", "hello", "--registry", scene.bad.url, ...args], {
      env: token === undefined ? {} : { CPM_API_TOKEN: token },
    });

  test.each([
    [
      "a link",
      makeArchive([
        { name: "colony.yaml", content: colonyYaml },
        { name: "out", type: "2", linkName: "/etc" },
      ]),
    ],
    [
      "a name that leads out",
      makeArchive([
        { name: "colony.yaml", content: colonyYaml },
        { name: "../out", content: "x" },
      ]),
    ],
    ["what is no gzip", new TextEncoder().encode("not an archive")],
  ])("an archive with %s is neither saved nor unpacked, also if the registry names its digest", async (_, archive) => {
    scene.bad.misbehave = async (request, path) => {
      if (path.endsWith("/download")) return new Response(new Uint8Array(archive));
      if (!path.endsWith("/latest")) return undefined as never;
      const honest = await fetch(`${scene.registry.url}${path}`, { headers: request.headers });
      return Response.json({ ...Object(await honest.json()), sha256: sha256(archive), size: archive.length });
    };
    const { code, stdout } = await download(owner.token, "--extract", "tree", "--json");
    const { error } = JSON.parse(stdout);
    expect([code, error.code]).toEqual([1, "client_not_verified"]);
    expect(error.errors[0].code).toBe("archive_rejected");
    expect((await readdir(scene.user.directory)).filter((name) => /tree|out|cpm$/.test(name))).toEqual([]);
    expect(await readdir(join(scene.user.home, "partial"))).toEqual([]);
  });

  test("without a token ends with exit code 77 and the command that logs in", async () => {
    const { code, stderr } = await download();
    expect([code, stderr.includes("cpm-registry login")]).toEqual([77, true]);
    expect((await download(owner.token)).code).toBe(0);
  });
});

test("names of an archive that Windows packed are unpacked as directories", async () => {
  const user = await User.make();
  const archive = goStyleArchive({ "colony.yaml": colonyYaml, "templates\\deep\\a.json": "{}" });
  async function* chunks() {
    yield archive;
  }
  const tree = join(user.directory, "tree");
  await extractArchive(chunks(), tree);
  expect((await readdir(tree, { recursive: true })).toSorted()).toEqual([
    "colony.yaml",
    "templates",
    "templates/deep",
    "templates/deep/a.json",
  ]);
  await user.remove();
});

test.skipIf(!existsSync(OTHER_FILE_SYSTEM))("what lies on another file system is put in place whole", async () => {
  const user = await User.make();
  const target = await mkdtemp(join(OTHER_FILE_SYSTEM, "cpm-test-"));
  await mkdir(join(user.directory, "tree/deep"), { recursive: true });
  await writeFile(join(user.directory, "tree/deep/file"), "text");
  await putInPlace(join(user.directory, "tree"), join(target, "new/tree"));
  expect((await readdir(target, { recursive: true })).toSorted()).toEqual([
    "new",
    "new/tree",
    "new/tree/deep",
    "new/tree/deep/file",
  ]);
  expect(await readdir(user.directory)).toEqual([]);
  await rm(target, { recursive: true });
  await user.remove();
});
