import { beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireCommand, splitCommandLine } from "../../src/cli/command-line.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, Client as Guest, makeKey, newAccount } from "../support/client.ts";
import { PROGRAM } from "../support/program.ts";
import { onBothDatabases, startRegistry, type TestRegistry } from "../support/registry.ts";
import { commandsIn } from "./pages-of-site.ts";

const HTML = { accept: "text/html" };
const key = makeKey();

/** The text that a reader sees, in its order. */
const textOf = (html: string) =>
  html
    .replace(/<head>.*<\/head>/s, "")
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ");

const linksOf = (html: string) => [...html.matchAll(/href="([^"]*)"/g)].map(([, address = ""]) => address);

async function publish(owner: Client, name: string, manifest: Record<string, unknown> = {}) {
  const archive = makePackage({ name, version: "1.0.0", ...manifest });
  expect((await owner.publish(name, "1.0.0", archive, key)).status).toBe(201);
}

onBothDatabases("pages of the site", (registry) => {
  let owner: Client;
  const see = async (path: string) => new Guest(registry().url).get(path, HTML);

  beforeAll(async () => {
    const empty = await see("/");
    expect(textOf(empty.text)).toContain("Publish the first package");
    expect(commandsIn(empty.text)).toContain("cpm-registry register http://registry.test");
    owner = await newAccount(registry());
    await publish(owner, "site-web", { tags: ["web", "fast"] });
    for (let at = 0; at < 21; at += 1) await publish(owner, `site-many-${at}`, { tags: ["many"] });
  });

  test("the first page has the newest packages, their number and a search box", async () => {
    const { text, status } = await see("/");
    expect(status).toBe(200);
    expect(textOf(text)).toContain("22 packages");
    expect(text).toContain('href="./packages/site-many-20"');
    expect(text.match(/type="search"/g)).toHaveLength(1);
    expect(commandsIn(text)).toContain("cpm-registry config set registry http://registry.test");
  });

  test("a search shows what matches, its tags, and chips that take a filter away", async () => {
    const { text } = await see("/search?q=site&tag=web");
    expect(text).toContain('href="./packages/site-web"');
    expect(text).not.toContain("site-many-0");
    expect(text).toContain('href="./search?q=site" aria-label="Remove tag web"');
    expect(text).toContain('href="./search?q=site&amp;tag=web&amp;tag=fast"');
    expect(text).toContain('<input type="hidden" name="tag" value="web"/>');
  });

  test("a long result has pages that lead on and back, and a page beyond the last says so", async () => {
    const first = await see("/search?tag=many");
    expect(first.text).toContain('rel="next" href="./search?tag=many&amp;page=2"');
    const second = await see("/search?tag=many&page=2");
    expect(textOf(second.text)).toContain("21–21 of 21 packages");
    expect(second.text).toContain('rel="prev" href="./search?tag=many"');
    expect(textOf((await see("/search?tag=many&page=900")).text)).toContain("There is no page 900");
  });

  test("a search with a typing error asks whether the nearest name is meant", async () => {
    expect(textOf((await see("/search?q=siet-web")).text)).toContain("Did you mean site-web ?");
    expect((await new Guest(registry().url).get("/api/packages?q=siet-web")).body).not.toHaveProperty("isResembling");
  });

  test.each([
    ["a negative page", "page=-1"],
    ["a huge page", "page=99999999999999999999"],
    ["two pages", "page=1e3&page=2"],
    ["an unknown order", "sort=evil&sort=name"],
    ["a text that is too long", `q=${"x".repeat(5_000)}`],
    ["five hundred tags", `tag=${"a,".repeat(500)}b`],
    ["bytes that are no text", "q=%00%ff%FE&author=%00&tag=%00"],
    ["half a character", "q=%F0%9F%98%80&author=%ED%A0%80"],
    ["foreign parameters", "q[]=a&__proto__=b"],
  ])("a search with %s is an ordinary page", async (_, query) => {
    const { status, text } = await see(`/search?${query}`);
    expect([status, text.includes("<h1>")]).toEqual([200, true]);
  });

  test("a search that finds nothing says what to try, and shows the text as text", async () => {
    const { text } = await see(`/search?q=${encodeURIComponent('"><script>nothing')}&tag=web`);
    expect(textOf(text)).toContain("No package found");
    expect(text).not.toContain("<script>nothing");
    expect(linksOf(text)).toContain("./search?q=%22%3E%3Cscript%3Enothing");
  });

  test("/packages leads to the list of all packages, with its query and under its slash", async () => {
    for (const [path, location] of [
      ["/packages?q=a", "./search?q=a"],
      ["/packages/", "../search"],
    ] as const) {
      const answer = await see(path);
      expect([answer.status, answer.headers.get("location")]).toEqual([308, location]);
    }
  });

  test("the page of a user has their packages, never their address, in any case of the name", async () => {
    const { text, status } = await see(`/users/${owner.username.toUpperCase()}`);
    expect(status).toBe(200);
    expect(textOf(text)).toContain("22 packages · member since");
    expect(text).toContain('href="../packages/site-web"');
    expect(text).not.toContain("@example.org");
  });

  test("an account that has published nothing looks to others like one that does not exist", async () => {
    const { username } = await newAccount(registry());
    const [silent, unknown] = [await see(`/users/${username}`), await see("/users/nobody-at-all")];
    expect([silent.status, unknown.status]).toEqual([404, 404]);
    expect(silent.text.replaceAll(username, "?")).toBe(unknown.text.replaceAll("nobody-at-all", "?"));
  });

  test("the log page says what its newest entries are, and leads to the older ones", async () => {
    await owner.send("DELETE", "/api/packages/site-web/1.0.0", { reason: "broken" });
    const { text } = await see("/log");
    expect(textOf(text)).toContain(`site-web 1.0.0 was yanked by ${owner.username}`);
    expect(textOf(text)).toContain("site-many-20 1.0.0 was published, signed with key");
    expect(text).toContain((await new Guest(registry().url).get("/log/checkpoint")).text.split("\n")[2] ?? "?");
    const older = await see("/log?before=3");
    expect(textOf(older.text)).toContain("site-web 1.0.0 was published");
    expect(linksOf(older.text)).toContain("./log");
    for (const before of ["0", "-1", "999999999999999", "x"])
      expect((await see(`/log?before=${before}`)).status).toBe(200);
    await owner.post("/api/packages/site-web/1.0.0");
  });
});

/** The commands of a page that can be copied. */
async function commandsOf({ url }: TestRegistry, path: string): Promise<string[]> {
  const { text } = await new Guest(url).get(path, HTML);
  return commandsIn(text);
}

test("every command of the pages is one that the program has, with its options", async () => {
  const registry = await startRegistry("sqlite");
  try {
    const commands = [...(await commandsOf(registry, "/help")), ...(await commandsOf(registry, "/log"))];
    const ours = commands
      .map((text) => text.replace(/^CPM_REGISTRY=\S+ /, ""))
      .filter((text) => !/^(curl|cpm) /.test(text));
    expect(ours.length).toBeGreaterThan(15);
    for (const text of ours) {
      const [program, ...words] = text.replace('"$(cat log.vkey)"', "vkey").split(" ");
      expect(program).toBe("cpm-registry");
      const line = splitCommandLine(words);
      const { command, rest } = requireCommand(line.words);
      expect([text, line.options.filter(({ name }) => !Object.hasOwn(command.options, name))]).toEqual([text, []]);
      expect([text, rest.length <= command.arguments.length]).toEqual([text, true]);
    }
  } finally {
    await registry.stop();
  }
});

test("the curl commands of the help page work as they stand, on a machine that has never seen the log", async () => {
  const registry = await startRegistry("sqlite");
  const directory = await mkdtemp(join(tmpdir(), "cpm-registry-help-"));
  try {
    await publish(await newAccount(registry), "hello");
    const commands = await commandsOf(registry, "/help");
    const shown = commands
      .slice(commands.findIndex((text) => text.startsWith("curl ")))
      .map((text) => text.replace("http://registry.test", registry.url));
    expect(shown).toHaveLength(5);
    const program = PROGRAM.map((part) => `'${part}'`).join(" ");
    const script = ["set -e", `cpm-registry() { ${program} "$@"; }`, ...shown].join("\n");
    const env = { ...process.env, CPM_HOME: join(directory, "home"), CPM_REGISTRY: "" };
    const run = Bun.spawn(["bash", "-c", script], { cwd: directory, env, stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
    expect([await run.exited, err]).toEqual([0, ""]);
    expect(out).toContain("hello.cpm is verified.");
  } finally {
    await registry.stop();
    await rm(directory, { recursive: true });
  }
});

test("with closed registration, no page tells a guest to make an account", async () => {
  const registry = await startRegistry("sqlite", { env: { REGISTRATION: "closed" } });
  try {
    for (const path of ["/", "/help"]) {
      const commands = await commandsOf(registry, path);
      expect(commands).toContain("cpm-registry login http://registry.test");
      expect(commands.filter((command) => command.includes("register "))).toEqual([]);
    }
  } finally {
    await registry.stop();
  }
});
