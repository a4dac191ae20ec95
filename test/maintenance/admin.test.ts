import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { firstAccountText } from "../../src/cli/first-account.ts";
import { readState } from "../../src/log/log-rows.ts";
import { recentFiles } from "../../src/log/recent-leaves.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { checkpointOfNote } from "../../src/tlog/checkpoint.ts";
import { inTemporaryDirectory, type Outcome } from "../binary/executable.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, PASSWORD } from "../support/client.ts";
import { keyIdOf, newKey, resetTo } from "../support/key-statements.ts";
import { hashAtFullCost } from "../support/password-cost.ts";
import { freePort } from "../support/ports.ts";
import { PROGRAM } from "../support/program.ts";
import { onBothDatabases } from "../support/registry.ts";
import { eventsOf, withToken } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";
import { HOUR_MS, pipeOffline, runCommand, runOffline } from "./scene.ts";

/** Another process notices a quarantine within a second. The rest is for a busy machine. */
const HELD_WITHIN_MS = 1_500;

const NEW_PASSWORD = "only the owner knows this one";
const ISO = /^\d{4}-\d\d-\d\dT.*Z$/;

hashAtFullCost();

onBothDatabases("admin commands while the server runs", (registry) => {
  const guest = () => new Client(registry().url);
  const admin = (...args: string[]) => runOffline(registry(), "admin", ...args);
  const login = (username: string, password: string) => guest().post("/api/auth/login", { username, password });
  const setPassword = (token: string) => guest().post("/api/auth/reset", { token, password: NEW_PASSWORD });
  const loggedIn = async (username: string, password: string) =>
    new Client(registry().url, (await login(username, password)).body.token, username);
  const done = (outcome: Outcome): string => {
    expect([outcome.exitCode, outcome.stderr]).toEqual([0, ""]);
    return outcome.stdout;
  };
  const refused = ({ exitCode, stdout, stderr }: Outcome, command: string, why: string) =>
    expect([exitCode, stdout, stderr]).toEqual([1, "", `cpm-registry admin ${command} failed: ${why}\n`]);
  /** The last event of a kind. An event of the operator has no user. */
  const lastEvent = async (kind: string) => {
    const event = (await eventsOf(registry(), kind)).at(-1);
    return [event?.kind, event?.by, event?.details];
  };
  /** The only indented line of the output: a generated password. */
  const passwordIn = (stdout: string) => /\n {2}(\S{20})\n/.exec(stdout)?.[1] ?? "";

  test("admin read-only stops every change on the running server with its reason, and lets them go on", async () => {
    const on = await admin("read-only", "on", "--reason", "we move");
    expect(done(on)).toMatch(/^The registry is read-only since \S+Z: we move\n$/);
    expect(done(await admin("read-only", "status"))).toBe(done(on));
    const refusal = async () => (await login("nobody-here", PASSWORD)).body.code;
    await waitUntil(async () => (await refusal()) === "read_only", "the server follows", HELD_WITHIN_MS);
    const json = JSON.parse(done(await admin("read-only", "off", "--json")));
    expect(json).toEqual({ readOnly: false, changed: true });
    await waitUntil(async () => (await refusal()) !== "read_only", "the server follows", HELD_WITHIN_MS);
    expect(done(await admin("read-only", "off"))).toBe("The registry was not read-only.\n");
    expect(JSON.parse(done(await admin("read-only", "status", "--json")))).toEqual({ readOnly: false });
    const [none, sentence] = [["on"], ["on", "--reason", "With a stop."]];
    expect((await admin("read-only", ...none)).exitCode).toBe(64);
    refused(
      await admin("read-only", ...sentence),
      "read-only",
      "reason must be 1 to 300 characters in one line, without a full stop at the end",
    );
  });

  test("admin create --admin creates an administrator and prints a password that works", async () => {
    const stdout = done(await admin("create", "ada", "--admin"));
    expect(stdout).toStartWith("Created the administrator ada (ada@localhost).\n");
    expect(stdout).toMatch(/shown only once(.|\n)*change it at http:\/\/\S+\/account\/security\.\n$/);
    const { user } = (await login("ada", passwordIn(stdout))).body;
    expect(user).toMatchObject({ username: "ada", email: "ada@localhost", role: "admin" });
    expect(await lastEvent("account.created")).toEqual(["account.created", null, { username: "ada", role: "admin" }]);
    const json = JSON.parse(done(await admin("create", "bert", "--email", "bert@example.org", "--json")));
    expect(json).toEqual({ username: "bert", email: "bert@example.org", role: "user", password: expect.any(String) });
    expect((await login("bert@example.org", json.password)).status).toBe(200);
  });

  test("admin create and reset-password with --password-stdin read the password and do not print it", async () => {
    const pipe = (input: string, ...args: string[]) =>
      pipeOffline(registry(), input, "admin", ...args, "--password-stdin");
    const typed = " pässword with blanks ";
    expect(done(await pipe(`${typed}\r\nanother line\n`, "create", "carl"))).toBe(
      "Created the account carl (carl@localhost).\n",
    );
    expect((await login("carl", typed)).status).toBe(200);
    expect(done(await pipe("without a line end", "reset-password", "carl"))).not.toContain("without a line end");
    expect((await login("carl", "without a line end")).status).toBe(200);
    refused(await pipe("short\n", "create", "dora"), "create", "password must be 10 to 1024 characters");
    const empty = await pipe("", "reset-password", "carl");
    expect([empty.exitCode, empty.stdout]).toEqual([64, ""]);
    expect(empty.stderr).toStartWith("cpm-registry admin reset-password failed: Standard input has no password.\n");
    expect((await login("carl", "without a line end")).status).toBe(200);
  });

  test("admin create refuses the names, addresses and passwords that registration refuses", async () => {
    await newAccount(registry(), "taken");
    done(await admin("create", "erna"));
    refused(await admin("create", "ERNA", "--email", "other@example.org"), "create", "this user name is already taken");
    const email = "this e-mail address is already taken; choose another with --email";
    refused(await admin("create", "erna2", "--email", "Erna@localhost"), "create", email);
    const name = "username must be 1 to 64 letters and digits, with . _ - only between them";
    refused(await admin("create", "a b", "--email", "a@b"), "create", name);
    refused(await admin("create", "a b"), "create", name);
    const alike = "this user name is easily mistaken for erna, which is taken; choose another";
    refused(await admin("create", "ema"), "create", alike);
    expect(
      await guest()
        .get("/api/packages")
        .then(({ status }) => status),
    ).toBe(200);
  });

  test("admin reset-password ends the sessions and API tokens of one account only", async () => {
    const [lost, other] = [await newAccount(registry(), "lost"), await newAccount(registry(), "other")];
    const token = await withToken(lost, ["read"]);
    const { deps } = registry();
    const failures = () =>
      deps.db.read(async ({ query, tables: { loginFailures } }) =>
        (await query.select().from(loginFailures)).map(({ key }) => key).sort(),
      );
    await login(other.username, "a wrong password");
    const ofOthers = await failures();
    await login(lost.username, "a wrong password");
    expect((await failures()).length).toBeGreaterThan(ofOthers.length);
    const stdout = done(await admin("reset-password", lost.username.toUpperCase()));
    const head = `The old password of ${lost.username} does not work any more.`;
    expect(stdout).toStartWith(`${head}\nEnded 1 session and revoked 1 API token.\n`);
    expect(await failures()).toEqual(ofOthers);
    for (const client of [lost, token]) expectProblem(await client.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await login(lost.username, PASSWORD), 401, "invalid_credentials");
    const link = /\n {2}(http\S+\/reset\?token=\S+)\n/.exec(stdout)?.[1] ?? "";
    const ofLink = new URL(link).searchParams.get("token") ?? "";
    expect(stdout).toContain(`\n  cpm-registry reset-password ${link.replace(/\/reset.*/, "")} --token ${ofLink}\n`);
    expect(done(await admin("show", lost.username))).toContain("none until its reset link is used, by 20");
    expect((await setPassword(ofLink)).status).toBe(200);
    expect((await login(lost.username, NEW_PASSWORD)).status).toBe(200);
    expect((await other.get("/api/auth/me")).status).toBe(200);
    const { username } = lost;
    const linkExpiresAt = expect.stringMatching(ISO);
    const reset = ["account.password_reset", null, { username, linkExpiresAt }];
    expect(await lastEvent("account.password_reset")).toEqual(reset);
    expect(await lastEvent("token.revoked")).toMatchObject(["token.revoked", null, { username, label: "a test" }]);
    const json = JSON.parse(done(await admin("reset-password", lost.username, "--json")));
    const nothing = {
      tokensRevoked: 0,
      webhooksDisabled: [],
      invitationsWithdrawn: [],
      resetsCancelled: [],
      recentKeys: [],
    };
    const shown = {
      link: expect.stringContaining(json.token),
      token: json.token,
      expiresAt: expect.stringMatching(ISO),
    };
    expect(json).toEqual({ username, sessionsEnded: 1, ...nothing, ...shown });
  });

  test("admin reset-password --hours says how long the link works, and --password-stdin ends the link", async () => {
    const { username = "" } = await newAccount(registry(), "hours");
    const now = Date.now();
    const { token, expiresAt } = JSON.parse(done(await admin("reset-password", username, "--hours", "2", "--json")));
    expect(Math.round((Date.parse(expiresAt) - now) / HOUR_MS)).toBe(2);
    for (const wrong of [["0"], ["169"], ["soon"], ["2", "--password-stdin"]]) {
      expect((await admin("reset-password", username, "--hours", ...wrong)).exitCode).toBe(64);
    }
    done(await pipeOffline(registry(), NEW_PASSWORD, "admin", "reset-password", username, "--password-stdin"));
    expect(await lastEvent("account.password_reset")).toEqual(["account.password_reset", null, { username }]);
    expectProblem(await setPassword(token), 403, "reset_link_invalid");
    expect((await login(username, NEW_PASSWORD)).status).toBe(200);
  });

  test("admin create --link prints a link in place of a password, which nobody knows", async () => {
    const stdout = done(await admin("create", "hugo", "--link"));
    expect(stdout).toStartWith(
      "Created the account hugo (hugo@localhost).\nA link to set a new password, once, until ",
    );
    expect(passwordIn(stdout)).toBe("");
    const json = JSON.parse(done(await admin("create", "ines", "--link", "--hours", "48", "--json")));
    const shown = {
      link: expect.stringContaining(json.token),
      token: json.token,
      expiresAt: expect.stringMatching(ISO),
    };
    expect(json).toEqual({ username: "ines", email: "ines@localhost", role: "user", ...shown });
    expect((await setPassword(json.token)).body.user.username).toBe("ines");
    expect((await login("ines", NEW_PASSWORD)).status).toBe(200);
    for (const wrong of [
      ["--link", "--password-stdin"],
      ["--hours", "2"],
      ["--link", "--hours", "x"],
    ]) {
      expect((await admin("create", "nobody-yet", ...wrong)).exitCode).toBe(64);
    }
    refused(await admin("create", "ines", "--link"), "create", "this user name is already taken");
    expect((await login("ines", NEW_PASSWORD)).status).toBe(200);
  });

  test("admin grant and revoke apply to the next request, and revoking the last administrator warns", async () => {
    const client = await newAccount(registry(), "promoted");
    const { username } = client;
    const tryIt = () => client.send("PUT", "/api/admin/allowed-names/some-name");
    expectProblem(await tryIt(), 403, "admin_only");
    expect(done(await admin("grant", username))).toBe(`${username} is now an administrator.\n`);
    expect((await tryIt()).status).toBe(204);
    expect(await lastEvent("account.role_granted")).toMatchObject(["account.role_granted", null, { username }]);
    expect(done(await admin("grant", username))).toBe(`${username} was already an administrator.\n`);
    expect((await eventsOf(registry(), "account.role_granted")).length).toBe(1);
    await admin("revoke", username);
    const none = (await admin("disable", "ada")).stderr;
    expect(none).toBe(
      "No administrator who can log in is left. To make one: cpm-registry admin enable ada, or admin grant <username>\n",
    );
    done(await admin("grant", username));
    const last = await admin("revoke", username);
    expect([last.exitCode, last.stdout]).toEqual([0, `${username} is no longer an administrator.\n`]);
    expect(last.stderr).toStartWith("No administrator who can log in is left. To make one: cpm-registry admin grant ");
    expectProblem(await tryIt(), 403, "admin_only");
    expect(await lastEvent("account.role_revoked")).toMatchObject(["account.role_revoked", null, { username }]);
    done(await admin("enable", "ada"));
    expect(JSON.parse(done(await admin("revoke", username, "--json")))).toEqual({
      username,
      changed: false,
      enabledAdmins: 1,
    });
  });

  test("a disabled account cannot use sessions, tokens or password, and enable restores the password only", async () => {
    const client = await newAccount(registry(), "shut-out");
    const { username } = client;
    const token = await withToken(client, ["read"]);
    const ended = "Ended 1 session and revoked 1 API token.";
    expect(done(await admin("disable", username))).toBe(`${username} is disabled.\n${ended}\n`);
    expectProblem(await client.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await token.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await login(username, PASSWORD), 403, "account_disabled");
    expectProblem(await login(username, "a wrong password"), 401, "invalid_credentials");
    const nothing = "Ended 0 sessions and revoked 0 API tokens.";
    expect(done(await admin("disable", username))).toBe(`${username} was already disabled.\n${nothing}\n`);
    expect(done(await admin("enable", username))).toContain("is enabled");
    expectProblem(await token.get("/api/auth/me"), 401, "unauthenticated");
    expectProblem(await client.get("/api/auth/me"), 401, "unauthenticated");
    expect((await (await loggedIn(username, PASSWORD)).get("/api/auth/me")).status).toBe(200);
    for (const kind of ["account.disabled", "account.enabled"]) {
      expect(await lastEvent(kind)).toEqual([kind, null, { username }]);
    }
  });

  test("admin disable and reset-password print what they took back, and retire keys with --retire-keys", async () => {
    const [owner, invited] = [await newAccount(registry(), "robbed"), await newAccount(registry(), "accomplice")];
    const [key, name] = [await newKey(owner), "taken-back"];
    expect((await owner.publish(name, "1.0.0", makePackage({ name, version: "1.0.0" }), key)).status).toBe(201);
    expect((await owner.send("PUT", `/api/packages/${name}/owners/${invited.username}`)).status).toBe(200);
    expect((await resetTo(owner, name, makeKey())).status).toBe(200);
    const hook = (await owner.post("/api/webhooks", { url: "https://ci.example.org/secret" })).body.id;
    const [head, ended, ...lines] = done(await admin("disable", owner.username))
      .trimEnd()
      .split("\n");
    expect([head, ended]).toEqual([`${owner.username} is disabled.`, "Ended 1 session and revoked 0 API tokens."]);
    expect(lines.shift()).toStartWith("Disabled webhooks;");
    expect(lines.shift()).toBe(`  ${hook}  ci.example.org`);
    expect(lines.slice(0, -1)).toEqual([
      "Withdrew invitations:",
      `  ${invited.username} to own ${name}`,
      "Cancelled key resets of:",
      `  ${name}`,
      "To retire them, repeat with --retire-keys: the keys that it registered in the last 30 days:",
    ]);
    expect(lines.at(-1)).toMatch(new RegExp(`^ {2}${keyIdOf(key)} {2}20\\S+Z$`));
    const json = JSON.parse(done(await admin("reset-password", owner.username, "--retire-keys", "--json")));
    expect(json.recentKeys).toMatchObject([{ keyId: keyIdOf(key), retiredAt: expect.any(String) }]);
    expect(await lastEvent("key.retired")).toMatchObject(["key.retired", null, { username: owner.username }]);
    done(await admin("enable", owner.username));
  });

  test.each(["reset-password", "grant", "revoke", "disable", "enable"])(
    "admin %s of an unknown account fails and names the account",
    async (command) => {
      refused(await admin(command, "nobody-at-all"), command, "there is no account nobody-at-all");
      refused(await admin(command, "ada@localhost"), command, "there is no account ada@localhost");
    },
  );

  test("a server that cached a download refuses it within a second of admin quarantine, until --lift", async () => {
    const owner = await newAccount(registry(), "owner");
    const key = makeKey();
    for (const version of ["1.0.0", "1.1.0"]) {
      const published = await owner.publish("held", version, makePackage({ name: "held", version }), key);
      expect(published.status).toBe(201);
    }
    const download = async (version: string) => (await guest().get(`/api/packages/held/${version}/download`)).status;
    // Downloads continue in the meantime. Requests must not keep a cached archive alive.
    const settle = (status: number) =>
      waitUntil(async () => (await download("1.1.0")) === status, `a download answers ${status}`, HELD_WITHIN_MS);
    for (const words of [["held", "1.1.0"], ["held"]]) {
      expect(await download("1.1.0")).toBe(200);
      const shown = words.join(" ");
      const stdout = done(await admin("quarantine", ...words, "--reason", "bad things"));
      expect(stdout).toMatch(new RegExp(`^${shown} has been in quarantine since 20\\S+Z: bad things\\n$`));
      await settle(403);
      expect(await download("1.0.0")).toBe(words.length === 1 ? 403 : 200);
      expect(done(await admin("quarantine", ...words, "--lift"))).toBe(`${shown} is not in quarantine.\n`);
      await settle(200);
    }
    const json = JSON.parse(done(await admin("quarantine", "held", "1.0.0", "--reason", "bad", "--json")));
    const quarantine = { reason: "bad", at: expect.any(String) };
    expect(json).toEqual({ name: "held", version: "1.0.0", quarantine });
    // Its leaf lies beside the archives when the command ends, for `log recover`.
    const { db, blobs } = registry().deps;
    const copied = checkpointOfNote((await blobs.readSidecar(CHECKPOINT_COPY)) ?? "")?.size ?? 0;
    const kept = (await recentFiles(blobs)).map(({ to }) => to);
    expect(Math.max(copied, ...kept)).toBe((await db.read(readState)).size);
    expect(await lastEvent("version.quarantined")).toEqual([
      "version.quarantined",
      null,
      { reason: "bad", category: "policy" },
    ]);
    refused(await admin("quarantine", "unheard-of", "--lift"), "quarantine", "there is no package unheard-of");
    refused(await admin("quarantine", "held", "9.9.9", "--reason", "x"), "quarantine", "held has no version 9.9.9");
    refused(await admin("quarantine", "held@9.9.9", "--reason", "x"), "quarantine", "held has no version 9.9.9");
    const rule = "reason must be 1 to 300 characters in one line: everybody who is refused reads it";
    refused(await admin("quarantine", "held", "--reason", "two\nlines"), "quarantine", rule);
  });

  test("admin allow-name records the name as allowed", async () => {
    expect(done(await admin("allow-name", "num-py"))).toBe("num-py may be published now.\n");
    expect(JSON.parse(done(await admin("allow-name", "num-py", "--json")))).toEqual({ name: "num-py", allowed: true });
    const rows = await registry().deps.db.read(({ query, tables }) => query.select().from(tables.allowedNames));
    expect(rows.map(({ name }) => name)).toContain("num-py");
    const { exitCode, stderr } = await admin("allow-name", "Num Py");
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith("cpm-registry admin allow-name failed: name must be lower-case letters");
  });
});

describe("admin commands without a database", () => {
  test.each([
    [["admin", "quarantine", "a"], "admin quarantine needs --reason <text>, or --lift to release."],
    [
      ["admin", "quarantine", "a", "--lift", "--reason", "x"],
      "admin quarantine needs --reason <text>, or --lift to release.",
    ],
  ])("%p exits with 64", async (args, message) => {
    const { exitCode, stderr, stdout } = await runCommand({}, ...args);
    expect([exitCode, stdout]).toEqual([64, ""]);
    expect(stderr).toStartWith(message);
    expect(stderr).toEndWith("See: cpm-registry admin quarantine --help\n");
  });

  test("admin create without a database creates no file and says in one line what to do", () =>
    inTemporaryDirectory(async (home) => {
      const outcome = await runCommand({ DATA_DIR: join(home, "data") }, "admin", "create", "ada");
      expect([outcome.exitCode, outcome.stdout]).toEqual([1, ""]);
      expect(outcome.stderr).toBe(
        `cpm-registry admin create failed: There is no database at ${join(home, "data", "registry.db")}. Run the command with the settings of the registry: --config <file>, or DATA_DIR=<directory>, or in the directory where it was started. If it never ran, start it once. Check that this user may read the directory.\n`,
      );
      expect(readdirSync(home)).toEqual([]);
    }));
});

describe("the first account where registration is closed", () => {
  const serveOnce = async (cwd: string, env: Readonly<Record<string, string>>): Promise<string> => {
    const port = String(await freePort());
    const child = Bun.spawn([...PROGRAM, "serve"], {
      cwd,
      env: { PORT: port, HOST: "127.0.0.1", ...env },
      stdout: "pipe",
      stderr: "inherit",
    });
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    try {
      const isUp = async () =>
        (await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined))?.ok === true;
      await waitUntil(async () => child.exitCode !== null || (await isUp()), "the registry is ready or has ended");
      child.kill("SIGTERM");
      return await new Response(child.stdout).text();
    } finally {
      clearTimeout(late);
      child.kill("SIGKILL");
    }
  };

  test("serve prints the command that creates the first account, until there is one", () =>
    inTemporaryDirectory(async (home) => {
      const directory = join(home, "some data");
      const env = { DATA_DIR: directory, REGISTRATION: "closed" };
      const first = await serveOnce(home, env);
      const command = `  DATA_DIR='${directory}' cpm-registry admin create <username> --admin`;
      expect(first.split("\n").slice(1, 4)).toEqual([
        expect.stringContaining("log.key signs the log"),
        expect.stringContaining("There is no account yet"),
        command,
      ]);
      expect(await serveOnce(home, { ...env, REGISTRATION: "open" })).not.toContain("admin create");
      expect((await runCommand({ DATA_DIR: directory }, "admin", "create", "ada", "--admin")).exitCode).toBe(0);
      expect(await serveOnce(home, env)).not.toContain("admin create");
      expect(existsSync(join(directory, "registry.db"))).toBe(true);
    }));

  test("the printed command quotes DATA_DIR and --config for a shell", () => {
    const commandOf = (dataDir: string, config?: string) =>
      firstAccountText({ dataDir }, config).split("\n")[1]?.trim();
    const create = "cpm-registry admin create <username> --admin";
    expect(commandOf(resolve("App_Data"))).toBe(create);
    expect(commandOf("/var/lib/cpm")).toBe(`DATA_DIR=/var/lib/cpm ${create}`);
    expect(commandOf(resolve("App_Data"), "it's.json")).toBe(`${create} --config 'it'\\''s.json'`);
  });
});
