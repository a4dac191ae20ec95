import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { newResetLink } from "../support/reset-links.ts";
import { hasTerminal, PASSWORD, registered, User } from "./scene.ts";

/* What somebody does with a reset link at the command line. */

const NEW_PASSWORD = "only the owner knows this one";

let registry: TestRegistry;
let user: User;
let names = 0;
let username = "";

beforeAll(async () => {
  registry = await startRegistry("sqlite");
});
afterAll(() => registry.stop());
beforeEach(async () => {
  names += 1;
  username = `reset-${names}`;
  user = await User.make();
  await registered(user, registry.url, username);
});
afterEach(() => user.remove());

const reset = (token: string, stdin = `${NEW_PASSWORD}\n`) =>
  user.run(["reset-password", registry.url, "--token", token, "--password-stdin"], { stdin });

test("reset-password sets the password of a link and logs in, in place of the login that ended", async () => {
  const token = await newResetLink(registry, username);
  expect((await user.run(["whoami"])).code).toBe(77);
  const { code, stdout, stderr } = await reset(token);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toStartWith(`The new password of ${username} is set; you are ${username} at ${registry.url} until `);
  expect((await user.run(["whoami"])).stdout).toStartWith(`${username} at `);
  const login = ["login", registry.url, "--username", username, "--password-stdin"];
  expect((await user.run(login, { stdin: `${PASSWORD}\n` })).code).toBe(77);
  expect((await user.run(login, { stdin: `${NEW_PASSWORD}\n` })).code).toBe(0);
});

test("reset-password says what to do with a link that is not valid, and leaves the login as it was", async () => {
  const wrong = await reset("made-up");
  expect([wrong.code, wrong.stdout]).toEqual([77, ""]);
  expect(wrong.stderr).toContain("Ask the operator or an administrator of the registry for a new one.");
  expect((await user.run(["whoami"])).code).toBe(0);
  const short = await reset(await newResetLink(registry, username), "too short\n");
  expect([short.code, short.stderr.includes("must be 10 to 1024 characters")]).toEqual([65, true]);
  expect((await user.run(["reset-password", registry.url, "--password-stdin"], { stdin: "x\n" })).code).toBe(64);
});

test.skipIf(!hasTerminal)("reset-password asks at a terminal, and takes the whole link for its token", async () => {
  const link = `${registry.url}/reset?token=${await newResetLink(registry, username)}`;
  const { code, output } = await user.type(
    ["reset-password", registry.url],
    [
      ["whole link: $", `${link}\n`],
      ["Password .*: $", `${NEW_PASSWORD}\n`],
      ["again: $", `${NEW_PASSWORD}\n`],
    ],
  );
  expect([code, output.includes(link), output.includes("is set; you are")]).toEqual([0, false, true]);
});
