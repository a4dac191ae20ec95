import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { User } from "../client/scene.ts";
import type { GoVerifier } from "../interop/go-verifier.ts";
import { Client, expectProblem, PASSWORD, sha256 } from "../support/client.ts";
import { type Home, healthOf, stopServer } from "../support/documented-tasks.ts";
import { scrape } from "../support/metrics.ts";

/* A private registry that is operated for a year, with its publishers and with an auditor outside. */

const STDIN = `${PASSWORD}\n`;

/** Settings of the registry. */
export type Settings = Readonly<Record<string, string>>;

/** Somebody with the client on their own machine. */
export class Person {
  readonly #registry: string;

  private constructor(
    readonly user: User,
    registry: string,
  ) {
    this.#registry = registry;
  }

  /** Makes somebody whose commands `program` runs. */
  static async make(registry: string, program: readonly string[]): Promise<Person> {
    return new Person(await User.make(program), registry);
  }

  /** Runs a command that succeeds, and returns what it printed. */
  async does(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.user.run(args, { stdin: STDIN });
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  }

  logIn(username: string, ...more: string[]): Promise<string> {
    return this.does("login", this.#registry, "--username", username, "--password-stdin", ...more);
  }

  /** Publishes a version of a package from its directory, which is made by the first one. */
  async publish(name: string, version: string, more: Readonly<Record<string, string | Uint8Array>> = {}) {
    const cwd = join(this.user.directory, name);
    const manifest = join(cwd, "colony.yaml");
    if (!(await Bun.file(manifest).exists())) await this.does("init", name);
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/^version: .*$/m, `version: ${version}`));
    for (const [file, content] of Object.entries(more)) writeFileSync(join(cwd, file), content);
    return this.user.run(["publish", "--yes"], { cwd });
  }
}

/** The registry with everybody around it. */
export class Year {
  settings: Settings = { READ_ACCESS: "authenticated" };
  /** What was acknowledged and is not taken down, as `<name>@<version>`. */
  readonly published = new Set<string>();
  readonly takenDown = new Map<string, string>();
  /** The keys that the operator told auditors over another channel. Each of them verifies the log. */
  readonly verifierKeys = new Set<string>();
  /** The auditor, who only reads, with the session of one long day. */
  reader: Client;

  constructor(
    readonly home: Home,
    readonly backup: string,
    readonly alice: Person,
    readonly bob: Person,
    readonly auditor: Person,
    readonly go: GoVerifier | undefined,
  ) {
    this.reader = new Client(home.server.url);
  }

  /** Runs commands as the operator does, and expects them to succeed. */
  operate(script: string, more: Settings = {}): string {
    return this.home.run(script, { ...this.settings, ...more });
  }

  async start(): Promise<void> {
    await this.home.server.start(this.settings);
  }

  stop(): Promise<void> {
    return stopServer(this.home.server);
  }

  async publish(person: Person, name: string, version: string): Promise<void> {
    const { code, stderr } = await person.publish(name, version);
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    this.published.add(`${name}@${version}`);
  }

  /** Lets an auditor in, who remembers everything from now on. */
  async letAuditorIn(): Promise<void> {
    this.operate(`cpm-registry admin create auditor --password-stdin <<end\n${PASSWORD}\nend`);
    await this.auditor.logIn("auditor", "--scope", "read");
    const login = { username: "auditor", password: PASSWORD };
    const { body } = await this.reader.post("/api/auth/login", login);
    this.reader = new Client(this.home.server.url, body.token, "auditor");
    this.tellVerifierKey();
  }

  /** After a rotation, `log key` also notes until when the old key signs. */
  tellVerifierKey(): void {
    this.verifierKeys.add(this.operate("cpm-registry log key 2>/dev/null").trim());
  }

  /** Takes a version, or with `*` a package, down beside the running server. */
  takeDown(name: string, version: string, reason: string): void {
    const which = version === "*" ? name : `${name} ${version}`;
    this.operate(`cpm-registry admin purge ${which} --reason ${reason} --reference "case 7" --yes`);
    for (const each of this.published) {
      if (version === "*" ? !each.startsWith(`${name}@`) : each !== `${name}@${version}`) continue;
      this.published.delete(each);
      this.takenDown.set(each, reason);
    }
  }

  /** Every answer about what was published, to the byte, but for download counts. */
  async shown(): Promise<Record<string, string>> {
    const answers: Record<string, string> = {};
    const paths = ["/log/checkpoint"];
    for (const each of [...this.published, ...this.takenDown.keys()]) {
      const at = `/api/packages/${each.replace("@", "/")}`;
      paths.push(...["", "/proof", "/files", "/manifest", "/signature", "/download"].map((part) => `${at}${part}`));
    }
    for (const path of paths) {
      const { status, text, headers } = await this.reader.get(path);
      // Downloads since the last backup are not counted again.
      const shown = text.replaceAll(headers.get("x-request-id") ?? "-", "ID").replace(/"downloads":\d+/, "");
      answers[path] = `${status} ${path.endsWith("/download") ? sha256(Buffer.from(shown)) : shown}`;
    }
    return answers;
  }

  /**
   * Expects that nothing is wrong for an auditor who remembers everything since the first day, nor
   * for Go's verifier with each key that the operator told.
   */
  async expectAudited(): Promise<void> {
    const audited = JSON.parse(await this.auditor.does("log", "audit", "--archives", "--json"));
    expect([audited.verified, audited.complete, audited.problems]).toEqual([true, true, []]);
    if (this.go === undefined) return;
    for (const key of this.verifierKeys) {
      const checked = await this.go.checkLog(`${this.home.server.url}/log`, key, this.reader.token);
      expect(checked).toMatchObject({ size: audited.size });
    }
  }

  /**
   * Expects that nothing is wrong: for the operator, for the auditor, and for a reader of everything
   * that was ever acknowledged.
   */
  async expectClean(): Promise<void> {
    expect((await healthOf(this.home.server)).status).toBe("ok");
    const { problemCount } = JSON.parse(this.operate("cpm-registry fsck --json"));
    expect(problemCount).toBe(0);
    await this.expectAudited();
    await this.#expectTotals();
    for (const [at, answer] of Object.entries(await this.shown())) {
      const isOfLog = /\/(proof|signature|checkpoint)$/.test(at);
      const isGone = [...this.takenDown.keys()].some((each) => `${at}/`.includes(`/${each.replace("@", "/")}/`));
      expect([at, answer.slice(0, 3)]).toEqual([at, isGone && !isOfLog ? "451" : "200"]);
    }
    expectProblem(await new Client(this.home.server.url).get("/api/packages"), 401, "unauthenticated");
  }

  /** Expects the metrics to count every version, and the bytes of those that are still there. */
  async #expectTotals(): Promise<void> {
    let bytes = 0;
    for (const each of this.published) {
      const { body } = await this.reader.get(`/api/packages/${each.replace("@", "/")}`);
      bytes += body.size;
    }
    const metrics = await scrape(this.home.server.url);
    const versions = this.published.size + this.takenDown.size;
    const seen = ["versions", "storage_bytes"].map((name) => metrics.get(`cpm_registry_${name}`));
    expect(seen).toEqual([versions, bytes]);
  }
}
