import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, newAccount, PASSWORD } from "../support/client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newResetLink } from "../support/reset-links.ts";
import { User } from "./scene.ts";

/* The token in the keychain: GNOME Keyring, each command in a D-Bus session of its own. */

const hasKeyring = ["dbus-run-session", "gnome-keyring-daemon"].every((tool) => Bun.which(tool) !== null);
if (!hasKeyring)
  console.log("dbus-run-session or gnome-keyring-daemon is missing: no test keeps a token in a keychain");

/** The keyring is a file of the user, so the next session finds what this one kept. */
const IN_SESSION = [
  "dbus-run-session",
  "--",
  "sh",
  "-c",
  'printf "a keyring password" | gnome-keyring-daemon --unlock --components=secrets > /dev/null && exec "$@"',
  "sh",
];

let registry: TestRegistry;
let user: User;
let account: Client;
let login: string[];
beforeAll(async () => {
  registry = await startRegistry("sqlite");
  user = await User.make();
  account = await newAccount(registry);
  login = ["login", registry.url, "--username", account.username, "--password-stdin"];
});
afterAll(async () => {
  await user.remove();
  await registry.stop();
});

const stdin = `${PASSWORD}\n`;
const stored = async () => JSON.parse(await readFile(join(user.home, "credentials.json"), "utf8"))[registry.url];

describe("login --keychain", () => {
  test.skipIf(process.platform !== "linux")("fails and keeps nothing where there is no keychain", async () => {
    const ran = await user.run([...login, "--keychain"], { stdin });
    expect([ran.code, ran.stdout]).toEqual([1, ""]);
    expect(ran.stderr).toContain("The keychain of this machine cannot be used");
    expect(ran.stderr).toContain("log in without --keychain");
    expect(await Bun.file(join(user.home, "credentials.json")).exists()).toBe(false);
  });

  test.skipIf(!hasKeyring)("keeps the token there and nowhere else, at later logins too, until logout", async () => {
    const inSession = (args: readonly string[], input = "") => user.run(args, { stdin: input, under: IN_SESSION });
    const ran = await inSession([...login, "--keychain"], stdin);
    expect([ran.code, ran.stdout.includes("in the keychain")]).toEqual([0, true]);
    expect(await stored()).toMatchObject({ keychain: true, tokenId: expect.anything() });
    expect(await readFile(join(user.home, "credentials.json"), "utf8")).not.toContain("cpm_");
    expect((await inSession(["whoami"])).stdout).toContain("token from the keychain");
    // Without the keychain there is no token: nothing falls back to a file.
    const without = await user.run(["whoami"]);
    expect([without.code, without.stderr.includes("keychain")]).toEqual([1, true]);
    expect((await user.run(login, { stdin })).code).toBe(1);
    expect((await inSession(login, stdin)).code).toBe(0);
    expect((await stored()).token).toBeUndefined();
    // A link that sets the password is not used up where the new token could not be kept.
    const token = await newResetLink(registry, account.username);
    const reset = ["reset-password", registry.url, "--token", token, "--password-stdin"];
    expect((await user.run(reset, { stdin })).code).toBe(1);
    expect((await inSession(reset, stdin)).code).toBe(0);
    expect((await stored()).token).toBeUndefined();
    expect((await inSession(["logout"])).code).toBe(0);
    expect(await stored()).toBeUndefined();
    expect((await user.run(login, { stdin })).code).toBe(0);
    expect((await stored()).token).toStartWith("cpm_");
  });

  test.skipIf(!hasKeyring)("whose keychain is gone is forgotten with logout --local", async () => {
    expect((await user.run(["logout"])).code).toBe(0);
    const ran = await user.run([...login, "--keychain"], { stdin, under: IN_SESSION });
    expect(ran.code).toBe(0);
    expect((await user.run(["logout"])).code).toBe(1);
    const local = await user.run(["logout", "--local"]);
    expect([local.code, local.stderr.includes("stays in it")]).toEqual([0, true]);
    expect(await stored()).toBeUndefined();
  });
});
