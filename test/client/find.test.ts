import { describe, expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { stalling } from "./bad-registry.ts";
import { badScene } from "./scene.ts";

let owner = "";
const scene = badScene(async (registry) => {
  const publisher = await newAccount(registry);
  owner = publisher.username;
  const key = makeKey();
  for (const version of ["0.1.0", "0.2.0"]) {
    const draft = { name: "hello", version, description: "Says \u202ehello", tags: ["greeting"] };
    expect((await publisher.publish("hello", version, makePackage(draft), key)).status).toBe(201);
  }
  const yanked = await publisher.send("DELETE", "/api/packages/hello/0.1.0", { reason: "broken", message: "Says bye" });
  expect(yanked.status).toBe(200);
});
const { run } = scene;

describe("search", () => {
  test("prints rows with tabs for programs, and escapes what a terminal would act on", async () => {
    const { stdout, code } = await run("search", "hello", "--tag", "greeting", "--author", owner);
    expect([stdout, code]).toEqual([`hello\t0.2.0\t0\tSays \\u{202e}hello\n`, 0]);
  });

  test("prints the registry's document with --json", async () => {
    const { stdout } = await run("search", "hello", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ total: 1, items: [{ name: "hello", latest: "0.2.0" }] });
  });

  test("finds nothing with exit code 0 and a note", async () => {
    const { stdout, stderr, code } = await run("search", "nothing-like-it");
    expect([stdout.trim(), code, stderr.includes("No package matches")]).toEqual(["", 0, true]);
  });

  test("a wrong option is refused before anything is asked", async () => {
    const { stderr, code } = await run("search", "--limit", "1000");
    expect([code, stderr.includes("--limit"), scene.bad.seen]).toEqual([64, true, []]);
  });
});

describe("info", () => {
  test("shows the latest version, and warns of a version that is yanked", async () => {
    const latest = await run("info", "hello");
    expect(latest.stdout).toStartWith("hello 0.2.0\nSays \\u{202e}hello\n");
    expect(latest.stdout).toContain("cpm-registry download hello@0.2.0");
    const { stdout } = await run("info", "hello@0.1.0");
    expect(stdout).toContain("! This version is yanked (broken, Says bye).");
  });

  test.each([
    ["--versions", /^0\.2\.0\t.*\tok\t[0-9a-f]{64}\n0\.1\.0\t.*\tyanked \(broken\)\t/],
    ["--files", /^README\.md\t8\t[0-9a-f]{64}\ncolony\.yaml\t/],
    ["--readme", /^# hello\n$/],
    ["--values", /^name: test\n$/],
    ["--keys", /^[0-9a-f]{32}\tactive\t/],
    ["--events", /\tversion\.published\t0\.1\.0\t/],
  ])("shows one view with %s, also as a document", async (view, expected) => {
    const { stdout, code } = await run("info", "hello", view);
    expect([code, expected.test(stdout), stdout]).toEqual([0, true, stdout]);
    expect(Object.keys(JSON.parse((await run("info", "hello", view, "--json")).stdout)).length).toBeGreaterThan(0);
  });

  test("reports a missing package or version with exit code 1, as a document too", async () => {
    const { stdout, code } = await run("info", "helo", "--json");
    expect(code).toBe(1);
    const { error } = JSON.parse(stdout);
    expect([error.code, error.detail.includes("Did you mean hello?")]).toEqual(["package_not_found", true]);
    const missing = await run("info", "hello@9.9.9");
    expect([missing.code, missing.stdout]).toEqual([1, ""]);
  });

  test("refuses what names no package, and two views at once", async () => {
    expect((await run("info", "no such")).code).toBe(64);
    expect((await run("info", "hello@")).code).toBe(64);
    const two = await run("info", "hello", "--keys", "--files");
    expect([two.code, two.stderr.includes("one view")]).toEqual([64, true]);
  });
});

describe("a registry that cannot answer", () => {
  const commands = [
    ["search", "hello"],
    ["info", "hello"],
  ];

  test.each(commands)("%s reports a proxy's page as one line, with exit code 69", async (...args) => {
    scene.bad.misbehave = () => new Response("<html>Log in", { headers: { "content-type": "text/html" } });
    const { stdout, stderr, code } = await run(...args);
    expect([stdout, code, stderr.trim().split("\n").length]).toEqual(["", 69, 1]);
    expect(stderr).toContain("proxy");
  });

  test.each(commands)("%s asks a busy registry again and reports it with exit code 69", async (...args) => {
    for (const status of [429, 503]) {
      scene.bad.reset();
      scene.bad.misbehave = () => new Response("", { status, headers: { "retry-after": "0" } });
      const { stdout, code } = await run(...args, "--json");
      expect([code, typeof JSON.parse(stdout).error.detail, scene.bad.seen.length]).toEqual([69, "string", 5]);
    }
  });

  const cut = () => new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) });
  const json = { headers: { "content-type": "application/json" } };

  test.each(commands)("%s asks again where the registry cuts or stalls its answer", async (...args) => {
    for (const body of [cut, () => stalling([Buffer.from("{")])]) {
      scene.bad.reset();
      let asked = 0;
      scene.bad.misbehave = () => {
        asked += 1;
        return asked === 1 ? new Response(body(), json) : undefined;
      };
      const { stdout, code } = await run(...args, "--timeout", "1");
      expect([code, stdout.startsWith("hello"), asked > 1]).toEqual([0, true, true]);
    }
  });

  test.each(commands)("%s does not read ten gigabytes", async (...args) => {
    let sent = 0;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      sent += 1;
      if (sent > 10_000) controller.close();
      else controller.enqueue(new Uint8Array(1_000_000).fill(0x20));
    };
    scene.bad.misbehave = () =>
      new Response(new ReadableStream({ pull }), { headers: { "content-type": "application/json" } });
    const { stderr, code } = await run(...args);
    expect([code, stderr.trim().split("\n").length]).toEqual([69, 1]);
    expect(sent).toBeLessThan(1_000);
  });

  const readers = ["search hello", "info hello", "owner list hello", "download hello"];
  const views = ["--versions", "--files", "--keys", "--events"].map((view) => `info hello ${view}`);

  test.each([...readers, ...views])("%s reports a document that no registry sends in one line", async (command) => {
    for (const document of [{ name: 1 }, [], { items: [{}], keys: [null], versions: "none" }]) {
      scene.bad.misbehave = () => Response.json(document);
      const { stderr, code } = await run(...command.split(" "));
      expect([code, stderr.trim().split("\n").length, stderr.includes("a bug")]).toEqual([69, 1, false]);
    }
  });
});
