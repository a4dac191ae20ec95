import { afterAll, afterEach, beforeAll, beforeEach } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../support/program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { BadRegistry } from "./bad-registry.ts";

/* A user with an own home, who types commands at a terminal or runs them from a program. */

/** How a command ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** What a person saw at a terminal. */
export interface Seen {
  readonly code: number;
  readonly output: string;
  /** The questions that were never asked. */
  readonly unasked: readonly string[];
}

interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs the command, such as one that opens a session. */
  readonly under?: readonly string[];
}

/** A question as a regular expression, and what is typed. */
export type Step = readonly [question: string, answer: string];

/** A user of the client. */
export class User {
  private constructor(
    readonly directory: string,
    readonly program: readonly string[],
  ) {}

  /** Makes a user whose commands `program` runs. */
  static async make(program: readonly string[] = PROGRAM): Promise<User> {
    return new User(await mkdtemp(join(tmpdir(), "cpm-user-")), program);
  }

  get home(): string {
    return join(this.directory, "home");
  }

  /** Only what a user has: no setting of the machine that runs the tests. */
  #env(env: RunOptions["env"] = {}): Record<string, string> {
    return { PATH: process.env.PATH ?? "", HOME: this.directory, CPM_HOME: this.home, TMPDIR: this.directory, ...env };
  }

  /** Runs a command without a terminal. Without `stdin`, its input is empty. */
  async run(args: readonly string[], { cwd = this.directory, stdin, env, under = [] }: RunOptions = {}) {
    const startedMs = performance.now();
    const child = Bun.spawn([...under, ...this.program, ...args], {
      cwd,
      env: this.#env(env),
      stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const ran: Ran = { code, stdout, stderr, ms: performance.now() - startedMs };
    return ran;
  }

  /** Starts a command, for tests that stop it. */
  start(args: readonly string[], { cwd = this.directory, env }: RunOptions = {}) {
    return Bun.spawn([...this.program, ...args], {
      cwd,
      env: this.#env(env),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
  }

  /** Types a command at a terminal, and answers its questions. */
  type(args: readonly string[], steps: readonly Step[], options?: RunOptions): Promise<Seen> {
    return this.typeInto([...this.program, ...args], steps, options);
  }

  /** Types into any program, such as a shell. */
  async typeInto(argv: readonly string[], steps: readonly Step[], { cwd = this.directory, env }: RunOptions = {}) {
    const ask = { argv, cwd, env: this.#env(env), steps };
    const child = Bun.spawn(["python3", join(import.meta.dir, "terminal.py")], {
      stdin: Buffer.from(JSON.stringify(ask)),
      stdout: "pipe",
    });
    const seen: Seen = JSON.parse(await new Response(child.stdout).text());
    return seen;
  }

  /** The words that start a command, for tests that spawn it themselves. */
  command(...args: string[]): string[] {
    return [...this.program, ...args];
  }

  spawnOptions() {
    return { cwd: this.directory, env: this.#env(), stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A terminal needs Python; Bun has none. */
export const hasTerminal = Bun.which("python3") !== null;

export const PASSWORD = "correct horse battery staple";

/** Registers an account without a terminal. */
export async function registered(user: User, url: string, username: string): Promise<void> {
  const args = ["register", url, "--username", username, "--email", `${username}@example.org`, "--password-stdin"];
  const { code, stderr } = await user.run(args, { stdin: `${PASSWORD}\n` });
  if (code !== 0) throw new Error(stderr);
}

/** A registry, a server before it that behaves badly where a test says so, and a user. */
export interface BadScene {
  readonly registry: TestRegistry;
  readonly bad: BadRegistry;
  /** A new one for each test. */
  readonly user: User;
  /** Runs a command of the user with the badly behaved registry. */
  run(...args: string[]): Promise<Ran>;
}

/**
 * Starts a registry for the tests of a file or of a `describe`, and stops it behind them. `prepare`
 * publishes what they need.
 */
export function badScene(
  prepare: (registry: TestRegistry) => Promise<void>,
  options?: Parameters<typeof startRegistry>[1],
): BadScene {
  let registry: TestRegistry;
  let bad: BadRegistry;
  let user: User;
  beforeAll(async () => {
    registry = await startRegistry("sqlite", options);
    bad = new BadRegistry(() => registry.url);
    await prepare(registry);
  });
  afterAll(async () => {
    await bad.stop();
    await registry.stop();
  });
  beforeEach(async () => {
    bad.reset();
    user = await User.make();
  });
  afterEach(() => user.remove());
  return {
    get registry() {
      return registry;
    },
    get bad() {
      return bad;
    },
    get user() {
      return user;
    },
    run: (...args) => user.run([...args, "--registry", bad.url]),
  };
}
